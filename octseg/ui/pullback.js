// A pullback on the page: what the server put there names a run, whose files tell how far it is, what each frame shows
// and what is measured along the vessel. Everything else happens here, without asking the server.
(() => {
  const ANSWER_EVERY_MS = 150, ANSWER_WITHIN = 40; // tries
  const NUMBERS_MS = 40, POLL_MS = 700, KEPT = "oct-run", AWAY_POLLS = 4;
  let open = null;

  function kept(value) {
    try {
      if (value === undefined) return JSON.parse(window.sessionStorage.getItem(KEPT));
      if (value === null) window.sessionStorage.removeItem(KEPT);
      else window.sessionStorage.setItem(KEPT, JSON.stringify(value));
    } catch { /* a browser that keeps nothing: then a reload begins anew */ }
    return null;
  }

  function seconds(left) {
    return left > 90 ? `about ${Math.round(left / 60)} min left` : `about ${Math.max(1, Math.round(left))} s left`;
  }

  function mounted(host) {
    const part = (selector) => host.querySelector(selector);
    const folder = host.dataset.run, stage = part(".oct-stage"), slider = part(".oct-slider"), play = part("[data-play]");
    const beside = document.querySelector("#oct-beside");
    let run = { done: 0, frame_count: 1, first_number: 1, curves: [], withdrawn: [], refused: {} };
    let away = 0, at = 0, closed = false, playing = null, asked = null, again = null, polling = null, looking = null;
    const frames = window.octFrames(folder, () => run.done);
    const turned = part(".oct-angle"), angle = () => Number(turned.value);
    const view = window.octView(stage, () => run, angle), curves = window.octCurves(part(".oct-curves"), (frame) => go(frame));
    const range = window.octRange(host, (ends) => ask(ends ? "range" : "whole", ends));
    const cut = window.octCut(part(".oct-cut"), folder), wall = window.octWall(part(".oct-wall"));
    const awaiting = window.octAwaiting(stage, beside);

    const spacing = part("[data-frame-spacing]");
    let entered, chosenAt = -1; // the spacing that the field shows, and when the page last asked for anything
    const downloads = window.octDownloads(part(".oct-downloads"), (more) => ask("files", null, more));

    function fill(element, html) {
      if (element.dataset.told === html) return;
      element.dataset.told = html;
      element.innerHTML = html; // made and escaped by the server
    }

    function present(ready, since) {
      view.show(ready);
      awaiting.end();
      stage.dataset.shown = ready.frame + run.first_number;
      requestAnimationFrame(() => {
        const detail = { frame: ready.frame, ms: performance.now() - since };
        host.dispatchEvent(new CustomEvent("oct-shown", { detail, bubbles: true }));
      });
      asked ??= setTimeout(numbers, NUMBERS_MS);
      awaiting.told(ready.told.withdrawn);
    }

    // Those of the frame that is seen.
    function numbers() {
      clearTimeout(asked);
      asked = null;
      const ready = view.shown();
      if (closed || !ready) return;
      fill(beside, ready.told.numbers);
      const what = ready.told.withdrawn ? "withdrawn" : Object.keys(ready.told.outlines).map((n) => run.pens[n].label);
      const label = `Frame ${ready.frame + run.first_number}: ${[what].flat().join(", ") || "nothing outlined"}`;
      stage.setAttribute("aria-label", label);
      if (playing === null) window.octSay(`${label}. ${window.octTold(beside)}`);
    }

    // The frame by its number; of a part of a pullback its place among those that were sent as well.
    function tellAt() {
      const number = at + run.first_number;
      part(".oct-at").textContent = run.first_number === 1 ? `${number} of ${run.frame_count}` : `${number} (${at + 1} of ${run.frame_count})`;
    }

    function go(frame, since = performance.now()) {
      if (run.done === 0) return;
      at = Math.min(run.done - 1, Math.max(0, frame));
      slider.value = at + run.first_number;
      part(".oct-correct a").hash = at + run.first_number; // a review opens at the same frame
      tellAt();
      for (const each of [curves, cut, wall]) each.at(at);
      clearTimeout(again);
      const ready = frames.now(at);
      if (ready) present(ready, since);
      else wait(at, since, false);
    }

    // Until the frame comes; where the server is away it is asked for again. What is seen meanwhile is of another frame.
    async function wait(wanted, since, isAway) {
      const seen = view.shown();
      if (asked !== null) numbers();
      awaiting.begin(wanted + run.first_number, seen && seen.frame !== wanted ? seen.frame + run.first_number : null, isAway);
      try {
        const ready = await frames.coming(wanted);
        if (!closed && at === wanted) present(ready, since);
      } catch (error) {
        if (closed || at !== wanted) return;
        if (window.octAway(error)) {
          again = setTimeout(() => { if (!closed && at === wanted) wait(wanted, since, true); }, POLL_MS);
          return;
        }
        fill(beside, "");
        awaiting.failed("This frame is no longer held by the server: send the pullback again");
      }
    }

    function cine(on) {
      clearInterval(playing);
      playing = on ? setInterval(() => {
        if (frames.held(at)) go(at + 1 < run.done ? at + 1 : 0);
      }, 1000 / Number(part("[data-cine]").value)) : null;
      play.setAttribute("aria-pressed", String(on));
      play.textContent = on ? "❚❚" : "▶";
    }

    function update(told) {
      const before = run.done;
      run = told;
      slider.min = run.first_number;
      slider.max = run.first_number + Math.max(1, run.frame_count) - 1;
      const going = run.state === "running";
      part(".oct-going").hidden = !going;
      part("progress").value = run.done / Math.max(1, run.frame_count);
      const left = run.seconds_left && run.done > 2 ? `, ${seconds(run.seconds_left)}` : "";
      const before_it = run.waiting_for === 1 ? "1 pullback goes" : `${run.waiting_for} pullbacks go`;
      part(".oct-going-said").textContent = run.waiting_for ? `Waiting: ${before_it} before it` : `Frame ${run.done} of ${run.frame_count}${left}`;
      const ends = { stopped: `Stopped: ${run.done} frames are done and stay.`, failed: run.sentence };
      const ended = part(".oct-run-said");
      ended.hidden = !ends[run.state];
      ended.textContent = ends[run.state] || "";
      fill(part(".oct-taken"), run.taken);
      fill(part(".oct-jumps"), run.jumps);
      fill(part(".oct-plaques"), `<div class="oct-vessel">${run.vessel}</div><div class="oct-found">${run.plaques}</div>`);
      curves.update(run);
      range.update(run, run.asked > chosenAt);
      chosenAt = Math.max(chosenAt, run.asked);
      tellSpacing();
      const withdrawn = window.octInRuns(run.withdrawn);
      for (const each of [cut, wall]) {
        each.update(run, withdrawn);
        each.at(at);
      }
      for (const key of host.querySelectorAll("[data-key]")) key.style.background = run.wall_colours[key.dataset.key];
      downloads.update(run);
      part(".oct-correct").hidden = going || run.done === 0;
      host.dataset.state = run.state;
      host.dataset.done = run.done;
      if (before > 0 && going !== (host.dataset.going === "yes")) {
        const told = [...part(".oct-jumps").querySelectorAll("button")].map((button) => button.innerText.replace(/\s+/g, " "));
        window.octSay([`${run.done} frames are done`, ...told].join(". "));
      }
      host.dataset.going = going ? "yes" : "no";
      if (run.done > before) {
        if (before === 0) {
          go(0);
          window.octFocus(stage);
        }
        frames.fill();
      }
      tellAt();
    }

    // The spacing that was entered, in this visit or before, and why one that was typed is none.
    function tellSpacing() {
      const wrong = run.refused.spacing || "", said = part(".oct-spacing-wrong");
      said.hidden = !wrong;
      said.textContent = wrong;
      spacing.setAttribute("aria-invalid", Boolean(wrong));
      if (wrong || run.entered_spacing_mm === entered || document.activeElement === spacing) return;
      entered = run.entered_spacing_mm;
      spacing.value = entered === null ? "" : entered;
    }

    // One look at a time, however many ask for one: else each would go on by itself while the server is away.
    function poll() {
      looking ??= look().finally(() => { looking = null; });
      return looking;
    }

    async function look() {
      clearTimeout(polling);
      if (closed) return;
      let told = null;
      try {
        const answer = await fetch(`${folder}/run.json`);
        if (answer.status === 403 || answer.status === 404) {
          gone();
          return;
        }
        told = await answer.json();
      } catch { /* the server is away for a moment */ }
      if (closed) return;
      away = told ? 0 : away + 1;
      if (away === AWAY_POLLS) {
        part(".oct-run-said").hidden = false;
        part(".oct-run-said").textContent = "The server does not answer; what is shown stays. It is asked again until it does.";
      }
      if (told) update(told);
      const making = told && ["waiting", "making"].includes(told.downloads.state);
      if (!told || told.state === "running" || making) polling = setTimeout(poll, POLL_MS);
    }

    function gone() {
      kept(null);
      part(".oct-going").hidden = true;
      part(".oct-run-said").hidden = false;
      part(".oct-run-said").textContent = "The server no longer holds this pullback: send it again.";
    }

    function ask(wants, ends = null, more = {}) {
      const detail = { key: host.dataset.key, wants, asked: Date.now(), ...more };
      chosenAt = detail.asked;
      if (ends) [detail.first, detail.last] = ends.map((end) => end + run.first_number);
      if (wants === "spacing") detail.spacing = spacing.value;
      host.dispatchEvent(new CustomEvent("oct-ask", { detail, bubbles: true }));
      if (run.state !== "running") answered(detail.asked, ANSWER_WITHIN);
    }

    // Look until what was asked is done; something that was refused is told of elsewhere.
    async function answered(ask, tries) {
      await new Promise((done) => { setTimeout(done, ANSWER_EVERY_MS); });
      await poll();
      if (!closed && tries > 0 && run.asked < ask) answered(ask, tries - 1);
    }

    const keys = {
      ArrowRight: () => at + 1, ArrowLeft: () => at - 1, ArrowUp: () => at + 1, ArrowDown: () => at - 1,
      PageUp: () => at + 10, PageDown: () => at - 10, Home: () => 0, End: () => run.done - 1,
    };
    spacing.addEventListener("keydown", (event) => { if (event.key === "Enter") ask("spacing"); });
    host.addEventListener("keydown", (event) => {
      if (event.target.matches("input:not(.oct-slider), select, [role=slider]") || event.ctrlKey || event.altKey || event.metaKey) return;
      if (event.key === " " && !event.target.matches("button")) cine(playing === null);
      else if (event.key === "0") view.whole();
      else if (keys[event.key]) {
        cine(false);
        go(keys[event.key](), event.timeStamp);
      } else return;
      event.preventDefault();
    });
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (event.ctrlKey) view.zoomAt(event, Math.exp(-event.deltaY / 300));
      else go(at + Math.sign(event.deltaY), event.timeStamp);
    }, { passive: false });
    stage.addEventListener("dblclick", (event) => (view.zoomed() ? view.whole() : view.zoomAt(event, 2.5)));
    pointers(stage, view, (event) => hover(event), turn);
    part("[data-cine]").addEventListener("change", () => cine(playing !== null));
    turned.addEventListener("input", () => turn(angle()));
    turn(angle());
    slider.addEventListener("input", (event) => {
      cine(false);
      go(Number(slider.value) - run.first_number, event.timeStamp);
    });
    host.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      if (button.dataset.go) {
        if (button.dataset.shows) document.body.dataset.octPlace = button.dataset.shows;
        go(Number(button.dataset.go) - run.first_number, event.timeStamp);
        stage.scrollIntoView({ block: "nearest" });
      } else if ("whole" in button.dataset) range.whole();
      else if (button.dataset.runAsks) ask(button.dataset.runAsks);
      else if (button === play) cine(playing === null);
    });

    // Cut along the vessel at an angle, to the steps that there are.
    function turn(degrees) {
      turned.value = degrees;
      part(".oct-angle-said").textContent = `${angle()}°`;
      cut.turn(angle());
      view.redraw();
    }

    // How far the pointer is from the lumen's centre, in mm where there is a scale.
    function hover(event) {
      const output = part(".oct-hover"), ready = view.shown();
      const place = event && ready && ready.told.centre ? view.under(event) : null;
      if (!place) {
        output.textContent = "";
        return;
      }
      const [x, y] = ready.told.centre, px = Math.hypot(place.x - x, place.y - y), mm = ready.told.scale;
      const angle = Math.round((Math.atan2(place.y - y, place.x - x) * 180) / Math.PI + 360) % 360;
      output.textContent = `${mm === null ? `${px.toFixed(0)} px` : `${(px * mm).toFixed(2)} mm`} from the centre, ${angle}°`;
    }

    const redraw = () => view.redraw(), restyled = (event) => { if (event.target.closest(".oct-controls")) redraw(); };
    const watching = new ResizeObserver(redraw);
    watching.observe(stage);
    const seenAgain = () => { if (!document.hidden && run.state !== "running") poll(); }; // another tab may have asked
    document.addEventListener("visibilitychange", seenAgain);
    window.addEventListener("focus", seenAgain);
    document.addEventListener("input", restyled);
    document.addEventListener("oct-place", redraw);
    kept({ run: folder, key: host.dataset.key });
    poll();
    return {
      host,
      key: host.dataset.key,
      close() {
        closed = true;
        awaiting.end();
        cine(false);
        watching.disconnect();
        document.removeEventListener("visibilitychange", seenAgain);
        window.removeEventListener("focus", seenAgain);
        document.removeEventListener("input", restyled);
        document.removeEventListener("oct-place", redraw);
        frames.close();
        cut.close();
        fill(beside, "");
      },
    };
  }

  // One pointer moves the picture where it is zoomed, and turns the cut by an end of its line; two pinch the picture; the
  // wheel leads along the vessel.
  function pointers(stage, view, hover, turn) {
    const down = new Map();
    let turning = false;
    const apart = () => {
      const [one, other] = [...down.values()];
      return Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
    };
    stage.addEventListener("touchstart", (event) => {
      if (event.touches.length > 1) event.preventDefault(); // one finger may move the page, two pinch the picture
    }, { passive: false });
    stage.addEventListener("pointerdown", (event) => {
      turning = down.size === 0 && view.onCut(event);
      down.set(event.pointerId, event);
      stage.setPointerCapture(event.pointerId);
    });
    stage.addEventListener("pointermove", (event) => {
      hover(event);
      const last = down.get(event.pointerId);
      if (!last) return;
      const before = down.size === 2 ? apart() : 0;
      down.set(event.pointerId, event);
      if (turning && down.size === 1) {
        turn(view.angleOf(event) % 180);
        return;
      }
      if (down.size === 2) view.zoomAt(event, apart() / Math.max(1, before));
      else if (view.zoomed()) view.moveBy(event.clientX - last.clientX, event.clientY - last.clientY);
    });
    for (const over of ["pointerup", "pointercancel"]) {
      stage.addEventListener(over, (event) => down.delete(event.pointerId));
    }
    stage.addEventListener("pointerleave", () => hover(null));
  }

  function look() {
    let host = document.querySelector(".oct-pullback");
    if (open && (open.host !== host || open.key !== host.dataset.key)) {
      open.close();
      if (open.host === host) { // Gradio wrote another run into the section of the last, whose parts still listen
        host = host.cloneNode(true);
        open.host.replaceWith(host);
      }
      open = null;
      if (!host) kept(null); // a frame took its place
    }
    if (host && !open) open = mounted(host);
  }

  new MutationObserver(look).observe(document.documentElement, {
    childList: true, subtree: true, attributes: true, attributeFilter: ["data-key"],
  });
  window.octKeptRun = () => kept();
})();
