// Several files, or a folder, as one: they go up as a ZIP file that is put together here, stored and not packed, so that
// the server gets one upload and reads it as a run of frames. The contents are read once, for their checksums.
(() => {
  const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
    let value = index;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    return value >>> 0;
  });
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

  async function zipped(files) {
    const parts = [], listed = [];
    let at = 0;
    for (const file of files) {
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
      [0x06054b50, 4], [0, 2], [0, 2], [files.length, 2], [files.length, 2], [size, 4], [at, 4], [0, 2],
    ]);
    return new File([...parts, ...listed, end], "frames.zip", { type: "application/zip" });
  }

  // One file for those that are given; null for none, and for more than a ZIP file holds.
  window.octOne = async (files) => (files.length > 1 ? zipped(files) : files[0] || null);

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
