// Saved results, looked at and corrected: what is drawn is there at once, then goes to the log on the server, one stroke
// after the other; numbers come back. A stroke that the server has not answered is sent again until it does.
(() => {
  const TISSUES = ["lumen", "fibrous_cap", "lipid_core", "vasa_vasorum"], LOOK_MS = 4000;
  const VISITOR = "The server deletes all of it about an hour after the last stroke: export takes it home.";
  const SAID = {
    brush: "Paints the tissue. [ and ] change its size.",
    eraser: "Takes the tissue away, and no other.",
    polygon: "Click corner by corner, or draw around it; Enter or the first corner closes.",
    drag: "Take an outline of the tissue and pull; Size is how much of it follows.",
    move: "Drag moves, pinch or ctrl and wheel zoom, 0 shows all.",
  };
  const part = (selector) => document.querySelector(selector), all = (selector) => [...document.querySelectorAll(selector)];

  function begin(told) {
    const stage = part(".oct-stage"), slider = part(".oct-slider"), beside = part("#oct-beside");
    const count = told.frames.length, { vessel: first } = told.frames[0];
    const isOneVessel = first !== null && told.frames.every((each) => each.vessel === first);
    const joins = isOneVessel ? null : told.frames.map(({ vessel: of }, n) => of !== null && of === told.frames[n - 1]?.vessel);
    const run = { width: 0, height: 0, pens: told.pens, unit_px: 1, cut: null };
    // at: the frame that was asked for. shown: what is seen, of the frame `shownAt`; -1 until the one that was asked for is there.
    let at = -1, shownAt = -1, tool = "brush", shows = "now", stepping = 0, shown = null;
    const view = window.octView(stage, () => run, () => 0), painting = window.octPainting(told.pens);
    const curves = window.octCurves(part(".oct-curves"), (frame) => go(frame));
    const sending = window.octSending(told.is_visitor, { say, changed: () => status(), refused });
    const { asked, insisting, queue } = sending, frames = window.octReviewed(asked);
    const awaiting = window.octAwaiting(stage, beside);
    const vessel = window.octVessel(part("#oct-along"), part(".oct-jumps"), told, asked);
    const size = () => Number(part("#oct-size").value);
    const label = () => TISSUES.indexOf(part("[name=oct-tissue]:checked").value) + 1;
    const state = () => ({
      labels: shown?.labels, locked: locked(), width: run.width, height: run.height, tool, label: label(), size: size(),
      overruled: part("#oct-overrule").checked, held: told.held,
    });
    const drawing = window.octDrawing(stage, view, state, (box) => {
      painting.again(view.style(), box);
      view.redraw();
      timed("oct-painted");
    }, stroke, () => ({ at: shown?.centre?.map((each) => each + 0.5), mm: shown?.scale ?? null }));

    const number = (frame) => told.frames[frame].number, notThere = () => `frame ${number(at)} is not there yet`;

    // Why no stroke may begin; "" where one may.
    function locked() {
      if (sending.away()) return "Not drawn: the server does not answer";
      if (stepping > 0) return "Not drawn: the outlines are about to change";
      return shown && shownAt === at ? "" : `Not drawn: ${notThere()}`;
    }

    function timed(name) {
      const since = performance.now();
      requestAnimationFrame(() => stage.dispatchEvent(new CustomEvent(name, { detail: performance.now() - since, bubbles: true })));
    }

    function say(sentence) {
      part(".oct-run-said").hidden = !sentence;
      part(".oct-run-said").textContent = sentence;
    }

    async function go(frame) {
      const wanted = Math.min(count - 1, Math.max(0, frame));
      if (drawing.busy()) drawing.cancel();
      [at, shownAt] = [wanted, -1];
      awaiting.begin(number(at), shown && shown.frame !== at ? number(shown.frame) : null);
      slider.value = at + 1;
      part(".oct-at").textContent = `${number(at)} (${at + 1} of ${count})`;
      curves.at(at);
      vessel.at(at);
      judged();
      try {
        const all = await frames.wanted(wanted);
        if (at !== wanted || !all) return;
        say("");
        present(...all);
        frames.ahead([wanted + 1, wanted - 1].filter((next) => next >= 0 && next < count));
      } catch (error) {
        if (at !== wanted) return;
        awaiting.failed();
        say(error.refused ? error.message : sending.gone);
        beside.innerHTML = "";
        part("#oct-doubt").textContent = part("#oct-judged").textContent = "";
      }
    }

    function present(bitmap, had, doubt) {
      shown = { ...had, bitmap, doubt, paths: [], layer: painting.canvas, over: drawing.over };
      [run.width, run.height, run.unit_px] = [had.width, had.height, had.unit_px];
      repaint();
      numbers(had);
      stage.dataset.shown = shownAt = at;
      awaiting.end();
    }

    function repaint() {
      if (!shown) return;
      painting.show(shown.labels, shown.original, shows, run, view.style());
      shown.told = marks();
      view.show(shown);
    }

    // What view.js draws beside the outlines: where numbers were measured, of those that are shown.
    const marks = () => ({ scale: shown.scale, centre: shown.centre, marks: shows === "now" ? shown.marks : [] });

    function numbers(had) {
      const both = `<div class="oct-two">${had.numbers}</div><div class="oct-two">${had.before}</div>`;
      beside.innerHTML = { now: had.numbers, before: had.before, both }[shows]; // made and escaped by the server
      const whose = beside.querySelector(".oct-whose")?.textContent ?? "";
      stage.setAttribute("aria-label", `Frame ${number(at)}. ${whose}`);
      window.octSay(`Frame ${number(at)}. ${whose}. ${window.octTold(beside)}`);
      awaiting.told(had.withdrawn);
      judged();
    }

    function judged() {
      const doubt = told.doubts.find((each) => each.frame === at), verdict = told.verdicts[at], of = told.states[at];
      const open = told.doubts.filter((each) => told.verdicts[each.frame] === "open").length;
      part("#oct-doubt").textContent = doubt ? `In doubt: ${doubt.why.join("; ")}` : "Nothing is in doubt in this frame.";
      const words = { open: "not judged", accepted: "accepted", rejected: "rejected" }[verdict];
      const whose = { model: told.outlines, corrected: "corrected", interpolated: "interpolated, not for training until accepted" }[of];
      const left = told.doubts.length ? ` ${told.doubts.length - open} of ${told.doubts.length} frames in doubt are judged.` : "";
      part("#oct-judged").textContent = `This frame: ${whose}, ${words}.${left}`;
    }

    function status(now = told, since = 0) {
      const follows = now.revision !== told.revision || now.unmeasured !== told.unmeasured;
      Object.assign(told, now);
      if (follows) vessel.follow(Math.max(0, at), since);
      part("[data-do=undo]").disabled = !told.can_undo;
      part("[data-do=redo]").disabled = !told.can_redo;
      curves.update({ ...told, joins, frame_count: count, first_number: told.frames[0].number });
      curves.at(Math.max(0, at));
      strip();
      const drawn = told.states.filter((each) => each !== "model").length;
      const waiting = sending.waiting();
      part("#oct-kept").textContent = waiting
        ? `${waiting} stroke${waiting > 1 ? "s" : ""} on the way to ${told.log}`
        : `${drawn} of ${count} frames corrected. ${told.is_visitor ? VISITOR : `All strokes are in ${told.log}.`}`;
      if (told.is_visitor) window.octTellCorrected(drawn);
    }

    // Below the slider: which frames are corrected, interpolated, accepted and rejected.
    function strip() {
      const marked = told.states.map((of, frame) => {
        if (told.verdicts[frame] === "rejected") return "rejected";
        if (of === "model") return told.verdicts[frame] === "accepted" ? "accepted" : "";
        return of;
      });
      part(".oct-states").replaceChildren(...["corrected", "interpolated", "accepted", "rejected"].flatMap((name) => (
        window.octInRuns(marked.map((each) => each === name)).map(([from, many]) => {
          const mark = document.createElement("i");
          mark.dataset.state = name;
          mark.style.left = `${(from / count) * 100}%`;
          mark.style.width = `${(many / count) * 100}%`;
          return mark;
        })
      )));
    }

    // What a stroke or a judgement leaves of a frame.
    async function changed(frame, answer, since) {
      const had = await frames.told(frame);
      const fresh = Object.assign(had, answer);
      status(answer.status, since);
      if (shownAt === frame) {
        Object.assign(shown, answer);
        shown.told = marks();
        view.redraw();
        numbers(fresh);
      }
    }

    function stroke(kind, runs) {
      const frame = at, name = TISSUES[label() - 1], body = { kind, runs, class: name, overruled: part("#oct-overrule").checked };
      const since = performance.now();
      awaiting.refuse("");
      queue(async () => {
        const answer = await insisting(`frames/${frame}/draw`, body);
        await changed(frame, answer, since);
        requestAnimationFrame(() => stage.dispatchEvent(new CustomEvent("oct-measured", { detail: performance.now() - since, bubbles: true })));
      }, frame);
    }

    // What was drawn on a frame does not count: it is shown as the server has it.
    function refused(frame) {
      frames.forget(frame);
      return at === frame ? go(frame) : null;
    }

    const does = {
      undo: () => step("undo"),
      redo: () => step("redo"),
      accept: () => judge("accepted"),
      reject: () => judge("rejected"),
      clear: () => cleared(),
      interpolate: () => interpolated(),
      export: () => exported(),
      doubtful: () => doubtful(1),
    };

    function step(kind) {
      drawing.cancel();
      stepping += 1; // nothing is drawn on outlines that are about to change
      queue(async () => {
        const answer = await insisting(kind, {}).finally(() => { stepping -= 1; });
        frames.put(answer.frame, answer.told);
        status(answer.told.status);
        await go(answer.frame);
      }, at);
    }

    // What is done to a frame waits for it to be seen.
    function isSeen(undone) {
      if (shownAt !== at) awaiting.refuse(`${undone}: ${notThere()}`);
      return shownAt === at;
    }

    function judge(verdict) {
      if (!isSeen("Not judged")) return;
      const frame = at, reason = part("#oct-reason").value;
      queue(async () => {
        const answer = await asked(`frames/${frame}/judge`, { verdict, reason: verdict === "rejected" ? reason : "" });
        await changed(frame, answer);
        if (verdict === "rejected") part("#oct-reason").value = "";
      }, frame);
    }

    function cleared() {
      if (locked()) {
        awaiting.refuse(locked());
        return;
      }
      const before = shown.labels.slice(), of = label();
      const after = shown.labels;
      for (let n = 0; n < after.length; n += 1) if (after[n] === of) after[n] = 0;
      const runs = window.octStrokes.runsOf(before, after, { width: run.width, x0: 0, y0: 0, x1: run.width, y1: run.height });
      repaint();
      if (runs.length) stroke("clear", runs);
    }

    function interpolated() {
      if (!isSeen("Not interpolated")) return;
      const frame = at;
      drawing.cancel();
      stepping += 1;
      queue(async () => {
        const answer = await insisting(`frames/${frame}/interpolate`, {}).finally(() => { stepping -= 1; });
        for (const each of answer.frames) frames.forget(each);
        frames.put(frame, answer.told);
        status(answer.told.status);
        await go(frame);
      }, frame);
    }

    // Behind all strokes that were drawn before; those that come while it is made do not wait for it.
    function exported() {
      const kinds = all("#oct-export :checked").map((box) => box.value), said = part("#oct-exported");
      said.textContent = "Writing …";
      const show = (answer) => {
        said.textContent = answer.said;
        if (answer.file) takeHome(answer);
      };
      queue(() => { asked("export", { kinds }).then(show).catch((error) => { said.textContent = error.refused ? error.message : sending.gone; }); }, at);
    }

    function takeHome({ href, file }) {
      const link = document.createElement("a");
      [link.href, link.download, link.textContent] = [href, file, file];
      part("#oct-exported").append(": ", link);
      link.click();
    }

    // The next frame in doubt that was not judged, from here on in the order of doubt.
    function doubtful(by) {
      const places = told.doubts.map((each) => each.frame), here = places.indexOf(at);
      for (let n = 1; n <= places.length; n += 1) {
        const frame = places[(((here < 0 && by < 0 ? 0 : here) + by * n) % places.length + places.length) % places.length];
        if (told.verdicts[frame] === "open") {
          go(frame);
          return;
        }
      }
    }

    function choose(name) {
      tool = name;
      drawing.cancel();
      for (const button of all("[data-tool]")) button.setAttribute("aria-pressed", String(button.dataset.tool === name));
      part("#oct-tool-said").textContent = SAID[name];
      stage.dataset.tool = name;
    }

    function sized(value) {
      part("#oct-size").value = value;
      part("#oct-size-said").textContent = `${size()} px`;
      view.redraw();
    }

    // About the cross-hair, or the middle.
    function zoomed(factor) {
      const [x, y] = drawing.cross() ?? [run.width / 2, run.height / 2];
      view.zoomAbout({ x, y }, factor);
    }

    const keys = {
      ArrowRight: () => go(at + 1), ArrowLeft: () => go(at - 1), ArrowUp: () => go(at + 1), ArrowDown: () => go(at - 1),
      PageUp: () => go(at + 10), PageDown: () => go(at - 10), Home: () => go(0), End: () => go(count - 1),
      b: () => choose("brush"), e: () => choose("eraser"), p: () => choose("polygon"), d: () => choose("drag"), m: () => choose("move"),
      i: () => interpolated(), o: () => part("#oct-overrule").click(), n: () => doubtful(1), N: () => doubtful(-1), a: does.accept, r: () => part("#oct-reason").focus(),
      "[": () => sized(size() - 1), "]": () => sized(size() + 1), 0: () => view.whole(), "+": () => zoomed(1.5), "=": () => zoomed(1.5), "-": () => zoomed(1 / 1.5),
      c: () => part(`[name=oct-shown][value=${shows === "before" ? "now" : "before"}]`).click(),
    };
    TISSUES.forEach((name, n) => { keys[n + 1] = () => part(`[name=oct-tissue][value=${name}]`).click(); });

    document.addEventListener("keydown", (event) => {
      if (event.target.matches("input[type=text]")) {
        if (event.key === "Enter" && event.target.id === "oct-reason") does.reject();
        return;
      }
      const control = event.ctrlKey || event.metaKey, key = event.key.length === 1 && !event.shiftKey ? event.key.toLowerCase() : event.key;
      if (control && (key === "z" || event.key === "Z")) does[event.shiftKey ? "redo" : "undo"]();
      else if (control && key === "y") does.redo();
      else if (control || event.altKey || event.defaultPrevented || !keys[key]) return;
      else if (event.target.matches("input") && key.startsWith("Arrow")) return;
      else keys[key]();
      event.preventDefault();
    });
    document.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button?.dataset.do) does[button.dataset.do]();
      else if (button?.dataset.tool) choose(button.dataset.tool);
      else if (button?.dataset.go) {
        if (button.dataset.shows) document.body.dataset.octPlace = button.dataset.shows;
        go(vessel.place(Number(button.dataset.go)));
      }
    });
    document.addEventListener("input", (event) => {
      if (event.target.id === "oct-size") sized(size());
      else if (event.target === slider) go(Number(slider.value) - 1);
      else if (event.target.name === "oct-shown") {
        shows = event.target.value;
        repaint();
        if (shownAt === at) numbers(shown);
      } else if (event.target.closest(".oct-controls")) repaint();
    });
    document.addEventListener("oct-place", () => view.redraw());
    stage.addEventListener("oct-refused", ({ detail }) => awaiting.refuse(detail));
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (event.ctrlKey) view.zoomAt(event, Math.exp(-event.deltaY / 300));
      else go(at + Math.sign(event.deltaY));
    }, { passive: false });
    stage.addEventListener("dblclick", (event) => {
      if (tool === "move") (view.zoomed() ? view.whole() : view.zoomAt(event, 2.5));
    });
    new ResizeObserver(() => view.redraw()).observe(stage);

    function offered() {
      const chosen = all("#oct-export :checked").map((box) => box.value);
      part("#oct-export fieldset")?.remove();
      part("#oct-export").prepend(window.octFormats(told.offers, "Masks, tables and log, and also", true, ({ name }) => chosen.includes(name)));
    }

    // Of the page that the results come from: another spacing or range.
    function settled({ frame_spacing_mm, range, offers, status: now }) {
      Object.assign(told, { frame_spacing_mm, range, offers });
      offered();
      status(now);
      vessel.follow(at);
      window.octSay("Spacing or range were changed on the page: the vessel's numbers follow");
    }

    // Another tab may have drawn meanwhile, or another spacing or range been asked for.
    async function look() {
      if (sending.waiting() || drawing.busy() || document.hidden) return;
      try {
        const now = await asked("case.json"), settings = (of) => JSON.stringify([of.frame_spacing_mm, of.range]);
        const same = now.status.revision === told.revision, measured = now.status.unmeasured === told.unmeasured;
        if (sending.waiting()) return;
        if (settings(now) !== settings(told)) settled(now);
        else if (!same || !measured) status(now.status);
        if (same) return;
        frames.forgetAll();
        go(at);
      } catch { /* told of where something is asked for */ }
    }
    setInterval(look, LOOK_MS);
    document.addEventListener("visibilitychange", look);

    window.addEventListener("beforeunload", (event) => { if (sending.waiting()) event.preventDefault(); });
    slider.max = count;
    if (!isOneVessel) part(".oct-curves").setAttribute("aria-label", "Of all frames");
    part("[data-do=doubtful]").disabled = told.doubts.length === 0;
    part("#oct-exported").textContent = told.note;
    offered();
    sized(size());
    choose("brush");
    status(told.status);
    go(Math.max(0, told.frames.findIndex((each) => `#${each.number}` === location.hash)));
    stage.focus({ preventScroll: true });
  }

  // As Gradio does it on its own page; what the reader has chosen there or here goes before (looks.js).
  const system = matchMedia("(prefers-color-scheme: dark)"), follow = () => document.body.classList.toggle("dark", system.matches);
  system.addEventListener("change", follow);
  follow();
  fetch("case.json").then((answer) => answer.json()).then(begin);
})();
