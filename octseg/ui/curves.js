// Curves along the vessel, one above the other over the same frames: a line where there is a value, a mark where a frame
// was withdrawn, a cursor at the frame that is looked at. A click goes there.
(() => {
  const STEPS = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500];
  const HIGH = 44, SVG = "http://www.w3.org/2000/svg";

  function node(name, attributes, parent) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    parent.append(made);
    return made;
  }

  function height(value, most) {
    return (HIGH - 3 - (most ? (value / most) * (HIGH - 6) : 0)).toFixed(1);
  }

  // joins(at): whether a frame goes on the vessel of the one before it.
  function line(values, most, joins) {
    let path = "", open = false;
    const none = (value) => value === null || value === undefined;
    values.forEach((value, at) => {
      if (none(value)) {
        open = false;
        return;
      }
      const y = height(value, most);
      open = open && joins(at);
      const alone = !open && (none(values[at + 1]) || !joins(at + 1)); // a stroke as long as its frame
      path += alone ? `M${at + 0.1} ${y}h.8` : `${open ? "L" : "M"}${at + 0.5} ${y}`;
      open = true;
    });
    return path;
  }

  function inRuns(flags) {
    const runs = [];
    flags.forEach((flag, at) => {
      if (!flag) return;
      if (runs.length && runs.at(-1)[0] + runs.at(-1)[1] === at) runs.at(-1)[1] += 1;
      else runs.push([at, 1]);
    });
    return runs;
  }

  window.octInRuns = inRuns;

  window.octCurves = (host, go) => {
    const rows = new Map();
    let count = 1, first = 1, shown = 0, told = [], drawn = null;

    function row(curve) {
      if (rows.has(curve.name)) return rows.get(curve.name);
      const box = document.createElement("div");
      box.className = "oct-curve";
      box.dataset.curve = curve.name;
      const head = document.createElement("div");
      head.className = "oct-curve-head";
      const label = document.createElement("span"), value = document.createElement("b");
      head.append(label, value);
      const plot = document.createElementNS(SVG, "svg");
      plot.setAttribute("preserveAspectRatio", "none");
      plot.dataset.plot = "";
      plot.setAttribute("aria-hidden", "true");
      box.append(head, plot);
      host.querySelector(".oct-lines").append(box);
      rows.set(curve.name, { label, value, plot, cursor: null });
      return rows.get(curve.name);
    }

    function at(event) {
      const box = event.currentTarget.querySelector("[data-plot]").getBoundingClientRect();
      return Math.min(count - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * count)));
    }

    host.addEventListener("pointerdown", (event) => {
      const curve = event.target.closest("[data-plot]")?.closest(".oct-curve");
      if (!curve || event.button !== 0) return;
      const follow = (moved) => go(at({ currentTarget: curve, clientX: moved.clientX }));
      follow(event);
      const end = () => window.removeEventListener("pointermove", follow);
      window.addEventListener("pointermove", follow);
      window.addEventListener("pointerup", end, { once: true });
      window.addEventListener("pointercancel", end, { once: true });
    });

    function cursor() {
      for (const curve of told) {
        const { value, cursor: mark } = rows.get(curve.name), here = curve.values[shown];
        mark.setAttribute("x", shown + 0.5);
        const unit = curve.unit === "°" ? "°" : ` ${curve.unit}`;
        const none = here === null || here === undefined || (curve.none_at_0 && here === 0);
        value.textContent = none ? "–" : `${here.toFixed(curve.digits)}${unit}`;
      }
    }

    // In mm from frame 1 of the pullback on, where the distance between frames is known, else frames; at most eight marks,
    // fewer where there is no room. None where frames are not one vessel's.
    function axis(run) {
      const along = host.querySelector(".oct-axis"), mm = run.frame_spacing_mm, whole = mm ? count * mm : count;
      const from = mm ? (first - 1) * mm : 0, ends = from + whole;
      const most = Math.max(2, Math.min(8, along.clientWidth / 80));
      const step = STEPS.find((each) => whole / each <= most && (mm || each >= 1)) || whole;
      along.replaceChildren();
      if (run.joins) return;
      for (let n = mm ? Math.ceil(from / step - 1e-6) : 1; n * step < ends - 1e-6; n += 1) {
        const mark = document.createElement("span"), at = n * step;
        mark.textContent = mm ? `${+at.toFixed(1)} mm` : `${at + first - 1}`;
        mark.style.left = `${((mm ? at - from : at - 0.5) / whole) * 100}%`;
        along.append(mark);
        mark.classList.toggle("oct-axis-edge", mark.offsetLeft < mark.offsetWidth / 2);
      }
    }

    new ResizeObserver(() => { if (drawn) axis(drawn); }).observe(host.querySelector(".oct-axis"));

    return {
      // run.joins: where frames are not all of one vessel, whether each goes on the vessel of the one before it.
      update(run) {
        count = Math.max(1, run.frame_count);
        first = run.first_number;
        told = run.curves;
        for (const curve of told) {
          const { label, plot } = row(curve), held = curve.values.filter((value) => value !== null);
          const most = held.length ? held.reduce((one, other) => Math.max(one, other)) : 0;
          const limits = curve.limits.filter((limit) => limit <= most); // of risk; others lie above the plot
          const dashed = limits.length ? `; dashed ${limits.join(" and ")}` : "";
          label.textContent = (curve.none_at_0 ? most : held.length) ? `${curve.label}, to ${most.toFixed(curve.digits)} ${curve.unit}${dashed}` : curve.label;
          plot.setAttribute("viewBox", `0 0 ${count} ${HIGH}`);
          plot.replaceChildren();
          for (const [from, many] of inRuns(run.withdrawn)) {
            node("rect", { class: "oct-curve-withdrawn", x: from, width: many, y: 0, height: HIGH }, plot);
          }
          for (const limit of limits) {
            node("path", { class: "oct-curve-limit", d: `M0 ${height(limit, most)}H${count}` }, plot);
          }
          node("path", { class: "oct-curve-line", d: line(curve.values, most, (frame) => run.joins?.[frame] ?? true) }, plot);
          rows.get(curve.name).cursor = node(
            "rect", { class: "oct-curve-cursor", x: shown, width: Math.max(0.01, count / 600), y: 0, height: HIGH }, plot,
          );
        }
        axis(drawn = run);
        cursor();
      },
      at(frame) {
        shown = frame;
        cursor();
      },
    };
  };
})();
