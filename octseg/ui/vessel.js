// What is measured along the vessel in a review, of all outlines as they are: asked for once a stroke is answered, one
// question at a time, so that nothing waits for it.
(() => {
  const AGAIN_MS = 1000;

  function whose({ corrected, frames, outlines }) {
    if (!corrected) return `Along the vessel, of ${outlines}`;
    return `Along the vessel, of your outlines in ${corrected} of ${frames} frames and ${outlines} in the others`;
  }

  // host: the card; jumps: the buttons of extremes. frames: of the case, with the vessel of each. outlines: what the saved
  // ones are called. asked(path): JSON.
  window.octVessel = (host, jumps, { frames, outlines }, asked) => {
    const said = host.querySelector(".oct-whose"), numbers = host.querySelector(".oct-along-numbers");
    let wanted = null, asking = false, shown = null, later = null;

    function fill(told) {
      const count = frames.filter((each) => each.vessel === told.vessel).length;
      const one = told.left === 1;
      host.hidden = told.vessel === null;
      said.textContent = told.left
        ? `Along the vessel: ${told.left} corrected frame${one ? " is" : "s are"} still to be measured, once; then its numbers follow each stroke.`
        : whose({ corrected: told.corrected, frames: count, outlines });
      numbers.innerHTML = told.html; // made and escaped by the server
      jumps.innerHTML = told.jumps;
      shown = told.vessel;
    }

    async function ask() {
      if (asking || wanted === null) return;
      const { frame, since } = wanted;
      clearTimeout(later);
      [asking, wanted] = [true, null];
      try {
        const told = await asked(`frames/${frame}/vessel`);
        if (wanted === null) fill(told);
        if (told.left) later = setTimeout(() => follow(frame), AGAIN_MS);
        else if (since) requestAnimationFrame(() => host.dispatchEvent(new CustomEvent("oct-followed", { detail: performance.now() - since, bubbles: true })));
      } catch (error) {
        host.hidden = !error.refused;
        said.textContent = error.message;
        numbers.innerHTML = jumps.innerHTML = "";
      }
      asking = false;
      host.removeAttribute("aria-busy");
      ask();
    }

    // since: when the stroke ended that is followed.
    function follow(frame, since = 0) {
      wanted = { frame, since };
      host.setAttribute("aria-busy", "true");
      ask();
    }

    return {
      follow,
      // A frame is looked at, perhaps of another vessel.
      at(frame) {
        if (frames[frame].vessel !== shown) follow(frame);
      },
      // The frame of a number in the vessel that is shown.
      place: (number) => frames.findIndex((each) => each.vessel === shown && each.number === number),
    };
  };
})();
