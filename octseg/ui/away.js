// The server is gone: Gradio says so for ever, and would load the page anew by itself, without what it shows.
(() => {
  const LOST = "Connection to the server was lost"; // so Gradio's notice begins
  const ASKED_EVERY_MS = 2000;
  const AWAY = "The server does not answer. What is shown stays; the server is asked again every two seconds.";
  const BACK = "The server answers again. What is shown stays until you load the page anew, which it needs to go on.";
  const bar = document.createElement("div"), said = document.createElement("span"), anew = document.createElement("button");
  let watching = false;

  bar.id = "oct-away";
  bar.setAttribute("role", "alert");
  anew.type = "button";
  anew.textContent = "Load the page anew";
  anew.addEventListener("click", () => location.reload());
  bar.append(said, anew);

  function say(sentence, isBack) {
    if (said.textContent !== sentence) said.textContent = sentence;
    anew.hidden = !isBack;
    if (!bar.isConnected) document.body.append(bar);
  }

  async function answers() {
    try {
      const answer = await fetch(new URL("robots.txt", document.baseURI), { cache: "no-store" });
      return answer.ok && (answer.headers.get("content-type") || "").startsWith("text/plain"); // not a proxy's own page
    } catch {
      return false;
    }
  }

  async function watch() {
    watching = true;
    while (!(await answers())) {
      say(AWAY, false);
      await new Promise((done) => { setTimeout(done, ASKED_EVERY_MS); });
    }
    say(BACK, true);
    watching = false;
  }

  new MutationObserver(() => {
    const notice = [...document.querySelectorAll(".toast-body")].find((each) => each.textContent.includes(LOST));
    if (!notice) return;
    notice.querySelector("button")?.click();
    if (!watching) watch();
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
