// The three steps of a first visit, above the columns: where a visitor is, and what comes next. Put away for good by a button.
(() => {
  const KEPT = "oct-steps";
  const STEPS = ["Drop a frame or a pullback, or choose a phantom", "Check the scale and where it comes from",
    "Read the numbers, see their places, take them home"];

  function away(value) {
    try {
      if (value) window.localStorage.setItem(KEPT, value);
      return window.localStorage.getItem(KEPT) !== null;
    } catch { return Boolean(value); }
  }

  function built() {
    const list = document.createElement("ol"), close = document.createElement("button");
    list.className = "oct-steps";
    list.setAttribute("aria-label", "Three steps");
    STEPS.forEach((words, place) => {
      const step = document.createElement("li"), number = document.createElement("b");
      number.textContent = place + 1;
      step.append(number, words);
      list.append(step);
    });
    close.type = "button";
    close.textContent = "Got it";
    close.addEventListener("click", () => {
      away("yes");
      list.remove();
      window.octToUploader();
    });
    const last = document.createElement("li");
    last.className = "oct-steps-close";
    last.append(close);
    list.append(last);
    return list;
  }

  // The first until something is measured, the second while that has no scale, then the third.
  function at() {
    const measured = document.querySelector("#oct-picture svg.oct-picture, .oct-stage[data-shown]");
    if (!measured) return 0;
    return document.querySelector(".oct-scale[data-source=none]") ? 1 : 2;
  }

  function mark(list) {
    const now = at();
    [...list.children].slice(0, STEPS.length).forEach((step, place) => {
      if (place === now) step.setAttribute("aria-current", "step");
      else step.removeAttribute("aria-current");
      step.classList.toggle("done", place < now);
    });
  }

  function look() {
    const main = document.querySelector("#oct-main");
    if (!main || away()) return;
    let list = document.querySelector(".oct-steps");
    if (!list) main.before(list = built());
    mark(list);
  }

  new MutationObserver(look).observe(document.documentElement, { childList: true, subtree: true });
})();
