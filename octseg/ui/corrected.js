// What is corrected in a review's tab is said where the result is shown, whose numbers and files stay the model's.
(() => {
  const channel = new BroadcastChannel("octseg-corrected"), known = new Map(); // a result's key -> frames
  const keyIn = (path) => path.match(/\/octseg\/review\/([^/]+)\/$/)?.[1];
  let told = null;

  function show() {
    for (const card of document.querySelectorAll(".oct-correct")) {
      const count = known.get(keyIn(card.querySelector("a").pathname)) ?? 0, said = card.querySelector("p");
      said.dataset.first ??= said.textContent;
      const words = count
        ? `You have corrected ${count} frame${count > 1 ? "s" : ""}. Numbers and files here are the model's; Export corrected results, over there, gives yours.`
        : said.dataset.first;
      if (said.textContent !== words) said.textContent = words;
    }
  }

  channel.addEventListener("message", ({ data }) => {
    if (data.asked && told) channel.postMessage(told);
    if (!data.key) return;
    known.set(data.key, data.count);
    show();
  });

  // Of the review's page: how many frames have other outlines than the model's.
  window.octTellCorrected = (count) => {
    const key = keyIn(location.pathname);
    if (told?.count === count || !key) return;
    told = { key, count };
    channel.postMessage(told);
  };

  window.addEventListener("focus", show);
  channel.postMessage({ asked: true });
})();
