// What stands on the picture of a review: why nothing was done, and that what is seen is of another frame than the counter
// says, its numbers too, which are dimmed until that frame has come.
(() => {
  const LATE_MS = 250, REFUSED_MS = 6000; // until words say what is waited for; that a refusal is shown
  const WITHDRAWN = "Withdrawn: nothing is said of this frame";

  // beside: where the numbers are.
  window.octAwaiting = (stage, beside) => {
    const said = stage.querySelector(".oct-stage-said"), both = [stage, beside];
    let refusal = "", refusing = null, awaited = null, late = "", later = null, about = "";

    function show() {
      said.textContent = refusal || late || about;
      said.hidden = !said.textContent;
    }

    function tellLate() {
      const { number, seen } = awaited, coming = `rame ${number} is on its way`;
      late = seen === null ? `F${coming}` : `F${coming}, this is frame ${seen}`;
      if (seen !== null) for (const whose of beside.querySelectorAll(".oct-whose")) whose.textContent = `Of frame ${seen}, f${coming}`;
      show();
    }

    function end() {
      clearTimeout(later);
      [late, later] = ["", null];
      beside.removeAttribute("aria-busy");
      show();
    }

    // Nothing was done, which is told for a while; "" ends that.
    function refuse(sentence) {
      clearTimeout(refusing);
      refusal = sentence;
      refusing = sentence ? setTimeout(() => refuse(""), REFUSED_MS) : null;
      if (sentence) window.octSay(sentence);
      show();
    }

    return {
      refuse,
      // number: of the frame that is waited for; seen: of another that is seen meanwhile, null where none is.
      begin(number, seen) {
        [awaited, about] = [{ number, seen }, ""];
        for (const each of both) each.setAttribute("aria-busy", "true");
        if (late) tellLate();
        else later ??= setTimeout(tellLate, LATE_MS);
      },
      // The frame is seen.
      end() {
        stage.removeAttribute("aria-busy");
        end();
      },
      failed: end,
      told(isWithdrawn) {
        about = isWithdrawn ? WITHDRAWN : "";
        show();
      },
    };
  };
})();
