// What can be taken home of a pullback: the server says which formats there are and what keeps one from being made.
(() => {
  const SAID = { waiting: "Waiting for other files to be made …", making: "Making the files …" };

  // host: the element to fill; ask(detail): tell the server what is wished for.
  window.octDownloads = (host, ask) => {
    let told = "", wanted = false, run = null;

    function build(offers) {
      const chosen = new Set([...host.querySelectorAll(":checked")].map((box) => box.value));
      const first = !host.firstChild;
      host.replaceChildren();
      const title = document.createElement("h3");
      title.textContent = "Take it home";
      const list = window.octFormats(offers, "Formats", false, (each) => (first ? each.name === "report" : chosen.has(each.name)));
      host.append(title, list, buttons(offers), said());
    }

    function buttons(offers) {
      const row = document.createElement("div"), take = button("Download", "take"), all = button("Choose all", "all");
      take.className = "oct-primary";
      all.title = offers.some((offer) => offer.patient) ? "All that has nothing of the patient in it" : "";
      row.className = "oct-downloads-row";
      row.append(take, all);
      return row;
    }

    function button(label, act) {
      const made = document.createElement("button");
      made.type = "button";
      made.dataset.act = act;
      made.textContent = label;
      return made;
    }

    function said() {
      const output = document.createElement("p");
      output.className = "oct-downloads-said";
      output.setAttribute("role", "status");
      return output;
    }

    function boxes() {
      return [...host.querySelectorAll("input[type=checkbox]")];
    }

    function state() {
      const files = run.downloads, busy = files.state in SAID, output = host.querySelector(".oct-downloads-said");
      const take = host.querySelector("[data-act=take]");
      take.disabled = run.done === 0;
      take.setAttribute("aria-disabled", busy); // unlike one that is disabled it keeps the focus
      const range = run.range ? " Of all frames; the range stands by itself in the report and in the tables." : "";
      const part = run.state === "running" && run.done > 0 ? ` Of the ${run.done} frames that are done.` : range;
      const words = [SAID[files.state] || files.sentence, ...files.refused].filter(Boolean).join(" ");
      host.dataset.state = files.state;
      if (files.state !== "ready") {
        output.textContent = `${words}${part}`.trim();
        return;
      }
      const link = document.createElement("a");
      link.href = files.href;
      link.download = files.file;
      link.textContent = files.file;
      output.replaceChildren("Here it is: ", link, `. ${words}${part}`);
      if (wanted) link.click();
      wanted = false;
    }

    host.addEventListener("click", (event) => {
      const act = event.target.closest("[data-act]")?.dataset.act;
      if (act === "all") {
        const patient = new Set(run.downloads.offers.filter((offer) => offer.patient).map((offer) => offer.name));
        boxes().forEach((box) => { box.checked = !box.disabled && !patient.has(box.value); });
      }
      if (act === "take" && event.target.closest("[data-act]").getAttribute("aria-disabled") !== "true") {
        const kinds = boxes().filter((box) => box.checked).map((box) => box.value);
        if (!kinds.length) {
          host.querySelector(".oct-downloads-said").textContent = "Choose a format first.";
          return;
        }
        wanted = true;
        event.target.setAttribute("aria-disabled", true);
        ask({ kinds: kinds.join(" ") });
      }
    });

    return {
      update(now) {
        run = now;
        if (!run.downloads) return;
        const offers = JSON.stringify(run.downloads.offers);
        if (offers !== told) build(run.downloads.offers);
        told = offers;
        state();
      },
    };
  };
})();
