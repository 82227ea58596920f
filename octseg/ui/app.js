// The uploader of the page: what is asked of the server in which order, frames that are dropped beside it, and the focus,
// which goes to a result.
(() => {
  const body = () => document.body;
  const CLEAR = "button.icon-button"; // of Gradio's uploader with a file in it; its name is in the visitor's language

  let shown = null;
  function lookForResult() {
    if (body().dataset.octPlace?.startsWith("core")) window.octCore();
    const result = document.querySelector("#oct-picture :is(.oct-figure, .oct-error)");
    if (result === shown) return;
    shown = result;
    if (!result) return;
    octFocus(result);
    if (result.matches(".oct-figure")) octSay(octTold(document.querySelector("#oct-summary")) || "No numbers");
  }

  // What is asked of the server, with its number in the order in which it was asked: the last of `given`. A file that
  // came in while the uploader got another stands beside that there, and is the newer of the two.
  let asked = 0;
  window.octAsked = (given) => {
    asked += 1;
    return [...given.slice(0, -1).map((value) => (Array.isArray(value) ? value.at(-1) : value)), asked];
  };

  // A file that is on its way to the uploader is awaited until its upload is told of. Whatever is put there before, and
  // taken out again, ends in an error of Gradio's (6.31), and what the page is about to show then is never shown.
  const uploader = (part) => document.querySelector(`#oct-upload ${part}`);
  const BEGINS_WITHIN_MS = 1000, LONGEST_MS = 60000;
  let sentAt = -Infinity;

  // What came into the uploader, or was taken out, was asked for with this number: an answer to anything before it says
  // nothing of what is in there now, and answers may overtake each other.
  let changed = 0, put = 0;

  window.octArrived = (given) => {
    sentAt = -Infinity;
    return window.octCleared(given);
  };

  window.octCleared = (given) => {
    const told = window.octAsked(given);
    changed = asked;
    return told;
  };

  document.addEventListener("change", (event) => {
    if (!event.target.matches("#oct-upload input[type=file]")) return;
    sentAt = performance.now();
    const files = [...event.target.files];
    if (files.length === 1 && octFits(files)) return;
    event.stopImmediatePropagation(); // Gradio would send the first alone, and one that is too large
    sentAt = -Infinity;
    event.target.value = "";
    gather(Promise.resolve(files));
  }, true);

  // Several files may be chosen at once, which Gradio's uploader of one file does not allow.
  document.addEventListener("click", (event) => {
    const input = event.target.closest?.("#oct-upload") && uploader("input[type=file]");
    if (input) input.multiple = true;
  }, true);

  function onItsWay() {
    if (uploader(".uploading")) return true;
    // An upload that was refused leaves the uploader empty, and nothing is told of it.
    return performance.now() - sentAt < (uploader("input[type=file]") ? BEGINS_WITHIN_MS : LONGEST_MS);
  }

  // The frame of an answer, into the uploader; nothing is changed by undefined.
  window.octHeld = (held, answered) => {
    if (onItsWay() || answered < Math.max(changed, put)) return undefined;
    put = answered;
    return held;
  };

  // Frames dropped anywhere: the uploader takes one only while it is empty, and elsewhere the browser would leave the
  // page to show the file.
  let dropped = null;

  function handOver() {
    if (dropped === null) return;
    if (onItsWay()) {
      setTimeout(handOver, 50);
      return;
    }
    const input = uploader("input[type=file]");
    if (input) {
      const files = new DataTransfer();
      files.items.add(dropped);
      dropped = null;
      input.files = files.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
      return;
    }
    uploader(CLEAR)?.click();
    setTimeout(handOver, 50);
  }

  function hand(file) {
    if (!file) return;
    const busy = dropped !== null;
    dropped = file; // of two, the later
    sentAt = -Infinity;
    if (!busy) handOver();
  }

  // Files as one; of what is given while others are put together, the later.
  let gathered = 0;

  async function gather(files) {
    gathered += 1;
    const mine = gathered;
    try {
      const one = await octOne(await files);
      if (mine === gathered) hand(one);
    } catch {
      octUnreadable();
    }
  }

  // Gradio (6.31) calls its button otherwise than it reads, and it takes the one that empties it away with the focus.
  let isEmptied = false;
  document.addEventListener("click", (event) => {
    if (event.isTrusted && event.target.closest(`#oct-upload ${CLEAR}`)) isEmptied = true;
  }, true);

  function mendUploader() {
    const empty = uploader(".upload-container");
    empty?.removeAttribute("aria-label");
    if (!empty || !isEmptied) return;
    isEmptied = false;
    if (document.activeElement === body()) octToUploader();
  }

  function holdsFile(event) {
    return Boolean(event.dataTransfer && [...event.dataTransfer.types].includes("Files"));
  }

  function mark(over) {
    body().toggleAttribute("data-oct-drop", over);
  }

  document.addEventListener("dragover", (event) => {
    if (!holdsFile(event)) return; // text that is dragged into a field is the browser's
    event.preventDefault();
    event.dataTransfer.dropEffect = body().dataset.octAgreed ? "copy" : "none";
  });

  document.addEventListener("drop", (event) => {
    if (!holdsFile(event)) return;
    event.preventDefault();
    if (!body().dataset.octAgreed) return;
    gather(octDropped(event.dataTransfer));
  });

  // What is dropped into the uploader itself would end there, of several files the first, of a folder nothing.
  document.addEventListener("drop", (event) => {
    if (!holdsFile(event) || !event.target.closest("#oct-upload")) return;
    event.stopPropagation();
    event.preventDefault();
    event.target.dispatchEvent(new DragEvent("dragleave", { bubbles: true }));
    gather(octDropped(event.dataTransfer));
  }, true);

  // Before Gradio sees them: what is dropped into the uploader itself ends there.
  document.addEventListener("dragenter", (event) => mark(holdsFile(event)), true);
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) mark(false); }, true);
  document.addEventListener("drop", () => mark(false), true);

  new MutationObserver(mendUploader).observe(document.documentElement, { childList: true, subtree: true });
  new MutationObserver(lookForResult).observe(document.documentElement, { childList: true, subtree: true });
})();
