// Several files, or a folder, as one: they go up as a ZIP file that is put together here, stored and not packed, so that
// the server gets one upload and reads it as a run of frames. The contents are read once, for their checksums.
(() => {
  const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
    let value = index;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    return value >>> 0;
  });
  const PAGE_MADE = new TextEncoder().encode("octseg page"); // by this the server's sentences know that nobody saw the ZIP file
  const LARGEST = 0xffffffff; // of a ZIP file without its 64-bit parts

  async function checksum(file) {
    let sum = 0xffffffff;
    const reader = file.stream().getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      for (const byte of part.value) sum = TABLE[(sum ^ byte) & 0xff] ^ (sum >>> 8);
    }
    return (sum ^ 0xffffffff) >>> 0;
  }

  // Numbers as [value, bytes], least byte first.
  function packed(numbers) {
    const view = new DataView(new ArrayBuffer(numbers.reduce((sum, [, size]) => sum + size, 0)));
    let at = 0;
    for (const [value, size] of numbers) {
      if (size === 2) view.setUint16(at, value, true);
      else view.setUint32(at, value, true);
      at += size;
    }
    return view.buffer;
  }

  // What both headers of a file hold: version, names in UTF-8, stored, 1 January 1980, checksum, sizes.
  function described(name, sum, size) {
    return [[20, 2], [0x800, 2], [0, 2], [0, 2], [0x21, 2], [sum, 4], [size, 4], [size, 4], [name.length, 2], [0, 2]];
  }

  // told: part that is done, as it goes on.
  async function zipped(files, told) {
    const parts = [], listed = [], whole = sizeOf(files);
    let at = 0, read = 0;
    for (const file of files) {
      told(read / Math.max(1, whole));
      read += file.size;
      const name = new TextEncoder().encode(file.webkitRelativePath || file.name);
      const about = described(name, await checksum(file), file.size);
      const head = packed([[0x04034b50, 4], ...about]);
      parts.push(head, name, file);
      listed.push(packed([[0x02014b50, 4], [20, 2], ...about, [0, 2], [0, 2], [0, 2], [0, 4], [at, 4]]), name);
      at += head.byteLength + name.length + file.size;
    }
    const size = listed.reduce((sum, part) => sum + part.byteLength, 0);
    if (at + size > LARGEST || files.length > 0xffff) return null;
    const end = packed([
      [0x06054b50, 4], [0, 2], [0, 2], [files.length, 2], [files.length, 2], [size, 4], [at, 4], [PAGE_MADE.length, 2],
    ]);
    const folders = new Set(files.map((file) => (file.webkitRelativePath || file.name).split("/").slice(0, -1)[0]));
    const [folder] = folders, name = folders.size === 1 && folder ? folder : "frames";
    return new File([...parts, ...listed, end, PAGE_MADE], `${name}.zip`, { type: "application/zip" });
  }

  function say(sentence, bad = false) {
    const said = document.querySelector("#oct-gathering");
    said.hidden = !sentence;
    said.textContent = sentence;
    said.classList.toggle("oct-bad", bad);
  }

  function size(bytes) {
    return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${Math.ceil(bytes / 1e6)} MB`;
  }

  const most = () => Math.min(Number(document.querySelector("#oct-gathering").dataset.most), LARGEST);
  const sizeOf = (files) => files.reduce((sum, file) => sum + file.size, 0);

  // Whether the server takes so much; what was said of files before is of no interest any more.
  window.octFits = (files) => {
    say("");
    return sizeOf(files) <= most();
  };

  // One file for those that are given; null where that cannot be, and then why is said.
  window.octOne = async (files) => {
    const what = files.length > 1 ? `These ${files.length} files take` : "This file takes";
    say("");
    if (files.length === 0) say("There is no file in what was given: give frames, a pullback or a folder of them.", true);
    else if (!window.octFits(files)) {
      const instead = files.length > 1 ? "send fewer at a time" : "send a shorter pullback, or ask who runs it for more";
      say(`${what} ${size(sizeOf(files))}, and the server takes up to ${size(most())}: ${instead}.`, true);
    } else if (files.length === 1) {
      const [file] = files, name = file.name.split("/").at(-1); // of a folder that was dropped
      return name === file.name ? file : new File([file], name, { type: file.type });
    } else {
      const one = await zipped(files, (part) => say(`Putting ${files.length} files together, ${Math.round(part * 100)} % …`));
      say(one ? "" : "So many files cannot be sent at once: put them into a ZIP file, and send that.", !one);
      return one;
    }
    return null;
  };

  window.octUnreadable = () => say("The browser could not read these files: see that they are still there, and try again.", true);

  // All files below what was dropped, folders included.
  async function below(entry, path) {
    if (entry.isFile) {
      const file = await new Promise((done, failed) => entry.file(done, failed));
      return [new File([file], `${path}${file.name}`, { type: file.type })];
    }
    const reader = entry.createReader(), found = [];
    for (;;) {
      const some = await new Promise((done, failed) => reader.readEntries(done, failed));
      if (some.length === 0) return found;
      for (const each of some) found.push(...(await below(each, `${path}${entry.name}/`)));
    }
  }

  window.octDropped = (transfer) => {
    const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const files = [...transfer.files];
    if (!entries.some((entry) => entry.isDirectory)) return Promise.resolve(files);
    return Promise.all(entries.map((entry) => below(entry, ""))).then((found) => found.flat());
  };
})();
