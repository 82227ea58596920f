// What a mouse, a pen or a finger does on the picture of a review: paint, erase, draw a polygon, drag an outline; move and
// zoom with two fingers, the middle or right button, or the space bar held. Keys draw by crosshair.js. A stroke is told when it ends.
(() => {
  const REACH = { mouse: 14, pen: 18, touch: 30 }, CLOSES = 12, LEAST_STEP = 2, LASSO = 24; // px of the screen
  const { runsOf, capsule, polygon, outlinesOf, turn, nearest, dragged } = window.octStrokes;

  // state: labels, locked (a sentence where no stroke may begin), width, height, tool, label, size, overruled, held. repaint: of a box. done: (kind, runs).
  // centre(): of the lumen, and mm per pixel.
  window.octDrawing = (stage, view, state, repaint, done, centre) => {
    const down = new Map();
    let stroke = null, corners = [], cursor = null, space = false, panned = null;

    const point = (event) => {
      const { x, y } = view.under(event);
      return [x, y];
    };

    // Whether no stroke may begin, which is told: none is lost without a word.
    function refused() {
      const { locked } = state();
      if (locked) stage.dispatchEvent(new CustomEvent("oct-refused", { detail: locked }));
      return Boolean(locked);
    }

    function begin(kind) {
      const { labels, width } = state();
      return { kind, before: labels.slice(), box: { width, x0: Infinity, y0: Infinity, x1: -1, y1: -1 } };
    }

    function grown(box, at) {
      const y = Math.floor(at / box.width), x = at - y * box.width;
      if (x < box.x0) box.x0 = x;
      if (x >= box.x1) box.x1 = x + 1;
      if (y < box.y0) box.y0 = y;
      if (y >= box.y1) box.y1 = y + 1;
    }

    const forbidden = (kind, from, to) => {
      const { overruled, held } = state();
      return !overruled && (kind === "drag" ? held.dragged : held.painted).some(([one, other]) => one === from && other === to);
    };

    function putter(kind, box) {
      const { labels, label } = state(), allowed = [0, 1, 2, 3, 4].map((from) => !forbidden(kind, from, label));
      if (kind === "eraser") {
        return (at) => {
          if (labels[at] !== label) return;
          labels[at] = 0;
          grown(box, at);
        };
      }
      return (at) => {
        if (labels[at] === label || !allowed[labels[at]]) return;
        labels[at] = label;
        grown(box, at);
      };
    }

    function painted(to) {
      const { width, height, size } = state(), fresh = { width, x0: Infinity, y0: Infinity, x1: -1, y1: -1 };
      capsule(stroke.last, to, Math.max(0.51, size / 2), width, height, putter(stroke.kind, fresh));
      stroke.last = to;
      take(fresh);
    }

    function take(fresh) {
      if (fresh.x1 < 0) return;
      const { box } = stroke;
      [box.x0, box.y0] = [Math.min(box.x0, fresh.x0), Math.min(box.y0, fresh.y0)];
      [box.x1, box.y1] = [Math.max(box.x1, fresh.x1), Math.max(box.y1, fresh.y1)];
      repaint(fresh);
    }

    function finish() {
      const ended = stroke;
      stroke = null;
      if (!ended || ended.box.x1 < 0) return;
      const runs = runsOf(ended.before, state().labels, ended.box);
      if (runs.length) done(ended.kind, runs);
    }

    function cancel() {
      if (stroke) {
        state().labels.set(stroke.before);
        const { box } = stroke;
        stroke = null;
        if (box.x1 >= 0) repaint(box);
      }
      corners = [];
      view.redraw();
    }

    function grabbed(at, reach) {
      const { labels, width, height, label } = state();
      const found = nearest(outlinesOf(labels, width, height, label), at, reach * view.pxOfScreen());
      if (!found) return false;
      stroke = { ...begin("drag"), found, from: at, hole: turn(found.loop) < 0, outside: outsideOf(found.loop[found.n]) };
      return true;
    }

    // The label on the other side of the outline at one of its corners.
    function outsideOf([x, y]) {
      const { labels, width, height, label } = state(), seen = [];
      for (const [px, py] of [[x - 1, y - 1], [x, y - 1], [x - 1, y], [x, y]]) {
        if (px >= 0 && py >= 0 && px < width && py < height && labels[py * width + px] !== label) seen.push(labels[py * width + px]);
      }
      return seen.length ? Math.max(...seen) : 0;
    }

    function draggedTo(to) {
      const { labels, width, height, label, size } = state(), { before, found, from, hole, outside } = stroke;
      const reach = Math.max(12, size * 6), loop = dragged(found, [to[0] - from[0], to[1] - from[1]], reach);
      const old = stroke.box, fresh = { width, x0: Infinity, y0: Infinity, x1: -1, y1: -1 }, changed = new Set();
      for (let y = old.y0; y < old.y1; y += 1) labels.set(before.subarray(y * width + old.x0, y * width + old.x1), y * width + old.x0);
      const toggled = (at) => (changed.has(at) ? changed.delete(at) : changed.add(at));
      polygon(found.loop, width, height, toggled);
      polygon(loop, width, height, toggled);
      const gives = forbidden("drag", label, outside) ? 0 : outside;
      for (const at of changed) {
        const is = before[at] === label;
        if (is) labels[at] = gives;
        else if (!forbidden("drag", before[at], label)) labels[at] = label;
        else continue;
        grown(fresh, at);
      }
      const both = { width, x0: Math.min(old.x0, fresh.x0), y0: Math.min(old.y0, fresh.y0), x1: Math.max(old.x1, fresh.x1), y1: Math.max(old.y1, fresh.y1) };
      stroke.box = fresh;
      if (both.x1 >= 0) repaint(both);
      return hole;
    }

    function close() {
      const points = corners;
      corners = [];
      if (points.length < 3) return;
      stroke = begin("polygon");
      const { width, height } = state(), fresh = { width, x0: Infinity, y0: Infinity, x1: -1, y1: -1 };
      polygon(points, width, height, putter("polygon", fresh));
      take(fresh);
      finish();
      view.redraw();
    }

    // Whether a corner was set; the first one closes.
    function cornered(at) {
      const first = corners[0], closes = corners.length > 2 && Math.hypot(at[0] - first[0], at[1] - first[1]) < CLOSES * view.pxOfScreen();
      if (closes) close();
      else corners.push(at);
      view.redraw();
      return !closes;
    }

    const pen = {
      down(at) {
        const { tool } = state();
        if (refused()) return false;
        if (tool === "polygon") cornered(at);
        else if (tool === "drag") return grabbed(at, REACH.touch);
        else startPaint(tool, at);
        return true;
      },
      move(at) {
        cursor = at;
        if (stroke?.kind === "drag") draggedTo(at);
        else if (stroke) painted(at);
        view.redraw();
      },
      up: finish,
      isDown: () => stroke !== null,
      corners: () => corners.length,
    };
    const cross = window.octCrosshair(stage, view, state, pen, centre);

    const moves = (event) => space || state().tool === "move" || event.button === 1 || event.button === 2;
    const apart = () => {
      const [one, other] = [...down.values()];
      return Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
    };

    stage.addEventListener("contextmenu", (event) => event.preventDefault());
    stage.addEventListener("touchstart", (event) => {
      if (state().tool !== "move" || event.touches.length > 1) event.preventDefault();
    }, { passive: false });
    stage.addEventListener("pointerdown", (event) => {
      if (moves(event) ? state().locked : refused()) return;
      stage.focus({ preventScroll: true });
      stage.setPointerCapture(event.pointerId);
      if (cross.at()) {
        if (stroke) cancel();
        cross.hide();
      }
      down.set(event.pointerId, event);
      if (down.size > 1) {
        if (stroke && stroke.kind !== "lasso") cancel();
        stroke = null;
        panned = "two";
        return;
      }
      if (moves(event)) panned = "one";
      else if (event.buttons & 32 || state().tool === "eraser") startPaint("eraser", point(event));
      else if (state().tool === "brush") startPaint("brush", point(event));
      else if (state().tool === "polygon") {
        if (cornered(point(event))) stroke = { kind: "lasso", long: 0, last: point(event) };
      } else if (!grabbed(point(event), REACH[event.pointerType])) panned = "one";
    });

    function startPaint(kind, at) {
      stroke = { ...begin(kind), last: at };
      painted(stroke.last);
    }

    stage.addEventListener("pointermove", (event) => {
      if (cross.at()) return; // a table that is bumped into moves no cross-hair
      cursor = point(event);
      const last = down.get(event.pointerId);
      if (last) follow(event, last);
      if (state().tool !== "move") view.redraw();
    });

    function follow(event, last) {
      const before = down.size === 2 ? apart() : 0;
      down.set(event.pointerId, event);
      if (down.size === 2) {
        view.zoomAt(event, apart() / Math.max(1, before));
        view.moveBy((event.clientX - last.clientX) / 2, (event.clientY - last.clientY) / 2);
      } else if (panned === "one") view.moveBy(event.clientX - last.clientX, event.clientY - last.clientY);
      else if (stroke?.kind === "lasso") lasso(event);
      else if (stroke?.kind === "drag") draggedTo(point(event));
      else if (stroke) for (const each of event.getCoalescedEvents?.() ?? [event]) painted(point(each));
    }

    function lasso(event) {
      const at = point(event), step = Math.hypot(at[0] - stroke.last[0], at[1] - stroke.last[1]);
      if (step < LEAST_STEP * view.pxOfScreen()) return;
      stroke.long += step;
      stroke.last = at;
      corners.push(at);
    }

    function up(event) {
      down.delete(event.pointerId);
      if (down.size) return;
      panned = null;
      if (stroke?.kind === "lasso") {
        const drawn = stroke.long > LASSO * view.pxOfScreen();
        stroke = null;
        if (drawn) close();
      } else finish();
    }

    stage.addEventListener("pointerup", up);
    stage.addEventListener("pointercancel", (event) => {
      down.delete(event.pointerId);
      panned = null;
      cancel();
    });
    stage.addEventListener("pointerleave", () => {
      if (!cross.at()) cursor = null;
      view.redraw();
    });
    stage.addEventListener("keydown", (event) => {
      if (event.key === " ") space = true;
      else if (event.key === "Escape") cancel();
      else if (event.key === "Enter" && corners.length) close();
      else if (event.key === "Backspace" && corners.length) corners.pop();
      else return;
      event.preventDefault();
      view.redraw();
    });
    stage.addEventListener("keyup", (event) => { if (event.key === " ") space = false; });

    // Brush and polygon on the picture, in its pixels; px: a pixel of the screen.
    function over(context, px) {
      const { tool, size } = state(), path = new Path2D();
      if (cursor && (tool === "brush" || tool === "eraser")) path.arc(cursor[0], cursor[1], Math.max(0.51, size / 2), 0, 2 * Math.PI);
      if (corners.length) {
        path.moveTo(...corners[0]);
        for (const corner of corners.slice(1)) path.lineTo(...corner);
        if (cursor) path.lineTo(...cursor);
      }
      cross.draw(path, px);
      for (const [colour, width] of [["#000", 3], ["#fff", 1.2]]) {
        context.strokeStyle = colour;
        context.lineWidth = width * px;
        context.stroke(path);
      }
    }

    return { over, cancel, cross: cross.at, busy: () => stroke !== null || corners.length > 0 };
  };
})();
