// The range that is measured by itself: two handles above the curves, for mouse, touch and keys, and two fields.
(() => {
  const TOLD_EVERY_MS = 400;

  // told(first, last): frames from 0, both included, or null for all of them; while a handle is dragged, now and then.
  window.octRange = (host, told) => {
    const bar = host.querySelector(".oct-range-bar"), chosen = host.querySelector(".oct-range-chosen");
    const handles = ["first", "last"].map((end) => bar.querySelector(`[data-end=${end}]`));
    const fields = ["first", "last"].map((end) => host.querySelector(`[data-range=${end}]`));
    const said = host.querySelector(".oct-range-wrong");
    const outside = [...host.querySelectorAll(".oct-outside")];
    let ends = null, count = 1, first = 1, dragged = null, waiting = null, last = 0;

    const held = () => ends || [0, count - 1];
    const part = (frame) => `${(frame / count) * 100}%`;

    // The vessel's own end stands in an empty field: what is typed into one replaces nothing.
    function show(which) {
      fields[which].value = held()[which] === (which ? count - 1 : 0) ? "" : held()[which] + first;
    }

    // Of what is typed and is no range; the range before stays.
    function say(sentence, which) {
      said.hidden = !sentence;
      said.textContent = sentence;
      fields.forEach((field, at) => field.setAttribute("aria-invalid", which.includes(at)));
    }

    function take(next, now) {
      ends = next[0] === 0 && next[1] === count - 1 ? null : next;
      say("", []);
      draw();
      tell(now);
    }

    function draw() {
      const [from, to] = held();
      chosen.style.left = part(from);
      chosen.style.width = part(to + 1 - from);
      outside[0].style.width = part(from);
      outside[1].style.width = part(count - 1 - to);
      handles.forEach((handle, which) => {
        handle.style.left = part(which ? to + 1 : from);
        handle.setAttribute("aria-valuemin", which ? from + first : first);
        handle.setAttribute("aria-valuemax", which ? first + count - 1 : to + first);
        handle.setAttribute("aria-valuenow", held()[which] + first);
        handle.setAttribute("aria-valuetext", `frame ${held()[which] + first}`);
        fields[which].min = first;
        fields[which].max = first + count - 1;
        fields[which].placeholder = held()[which] + first;
        if (said.hidden && document.activeElement !== fields[which]) show(which);
      });
    }

    function tell(now) {
      clearTimeout(waiting);
      const late = now ? 0 : Math.max(0, last + TOLD_EVERY_MS - performance.now());
      waiting = setTimeout(() => {
        last = performance.now();
        told(ends);
      }, late);
    }

    function set(which, frame, now) {
      const next = [...held()];
      next[which] = which ? Math.min(count - 1, Math.max(next[0], frame)) : Math.max(0, Math.min(next[1], frame));
      if (next[which] !== held()[which]) take(next, now);
    }

    // Of the first frame its left side counts, of the last its right one.
    function at(event, which) {
      const box = bar.getBoundingClientRect(), place = ((event.clientX - box.left) / box.width) * count;
      return Math.round(place) - which;
    }

    bar.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      const box = bar.getBoundingClientRect(), place = ((event.clientX - box.left) / box.width) * count;
      const [from, to] = held();
      dragged = Math.abs(place - from) < Math.abs(place - to - 1) ? 0 : 1;
      bar.setPointerCapture(event.pointerId);
      handles[dragged].focus({ preventScroll: true });
      set(dragged, at(event, dragged), false);
      event.preventDefault();
    });
    bar.addEventListener("pointermove", (event) => { if (dragged !== null) set(dragged, at(event, dragged), false); });
    for (const over of ["pointerup", "pointercancel"]) {
      bar.addEventListener(over, () => {
        if (dragged !== null) tell(true);
        dragged = null;
      });
    }

    const steps = {
      ArrowRight: (frame) => frame + 1, ArrowUp: (frame) => frame + 1, PageUp: (frame) => frame + 10,
      ArrowLeft: (frame) => frame - 1, ArrowDown: (frame) => frame - 1, PageDown: (frame) => frame - 10,
      Home: () => -Infinity, End: () => Infinity,
    };
    handles.forEach((handle, which) => handle.addEventListener("keydown", (event) => {
      if (!steps[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
      set(which, steps[event.key](held()[which]), false);
      event.preventDefault();
      event.stopPropagation(); // they lead from frame to frame elsewhere
    }));

    // Both fields together are a range; an empty one is its end of the vessel.
    fields.forEach((field) => field.addEventListener("change", () => {
      const typed = fields.map(({ value, validity }, which) => {
        if (value || validity.badInput) return (value ? Number(value) : NaN) - first;
        return which ? count - 1 : 0;
      });
      const none = [0, 1].filter((which) => !Number.isInteger(typed[which]) || typed[which] < 0 || typed[which] >= count);
      const [from, to] = typed.map((end) => end + first), until = "the range stays as it was until that is mended";
      if (none.length) say(`Frames have whole numbers from ${first} to ${first + count - 1}; ${until}.`, none);
      else if (from > to) say(`The last frame, ${to}, comes before the first, ${from}; ${until}.`, [0, 1]);
      else {
        take(typed, true);
        [0, 1].forEach(show);
      }
    }));

    return {
      // What another tab or an earlier visit chose is shown here too; isNews: whether it was after what was chosen here.
      update(run, isNews) {
        [count, first] = [Math.max(1, run.frame_count), run.first_number];
        const within = (end) => Math.min(count - 1, Math.max(0, end));
        if (isNews) ends = run.range && run.range.map((end) => within(end - first));
        else if (ends) ends = ends.map(within);
        draw();
      },
      whole() {
        take([0, count - 1], true);
      },
    };
  };
})();
