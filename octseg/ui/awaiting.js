// What stands on the picture of a pullback or a review: why nothing was done, and that what is seen is of another frame
// than the counter says, its numbers too, which are dimmed until that frame has come.
(() => {
  const LATE_MS = 250, REFUSED_MS = 6000; // until words say what is waited for; that a refusal is shown
  const WITHDRAWN = "Withdrawn: nothing is said of this frame";

  // beside: where the numbers are.
  window.octAwaiting = (stage, beside) => {
    const said = stage.querySelector(".oct-stage-said"), both = [stage, beside];
    let refusal = "", refusing = null, awaited = null, late = "", later = null, about = "", added = null;

    function show() {
      said.textContent = refusal || late || about;
      said.hidden = !said.textContent;
    }

    function tellLate() {
      const { number, seen, isAway } = awaited;
      const coming = `rame ${number} ${isAway ? "comes when the server answers again" : "is on its way"}`;
      late = seen === null ? `F${coming}` : `F${coming}, this is frame ${seen}`;
      if (seen !== null) for (const whose of ofWhom()) whose.textContent = `Of frame ${seen}, f${coming}`;
      show();
    }

    // The lines that say whose the numbers are, one made for the while where there is none.
    function ofWhom() {
      const lines = [...beside.querySelectorAll(".oct-whose")];
      if (lines.length || beside.childElementCount === 0) return lines;
      added = document.createElement("p");
      added.className = "oct-whose";
      beside.prepend(added);
      return [added];
    }

    function end() {
      clearTimeout(later);
      [late, later] = ["", null];
      added?.remove();
      added = null;
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
      begin(number, seen, isAway = false) {
        [awaited, about] = [{ number, seen, isAway }, ""];
        for (const each of both) each.setAttribute("aria-busy", "true");
        if (late) tellLate();
        else later ??= setTimeout(tellLate, LATE_MS);
      },
      // The frame is seen.
      end() {
        stage.removeAttribute("aria-busy");
        end();
      },
      // It does not come: why, where that is not told elsewhere.
      failed(sentence = "") {
        about = sentence;
        end();
      },
      told(isWithdrawn) {
        about = isWithdrawn ? WITHDRAWN : "";
        show();
      },
    };
  };
})();
