// Drawing without a mouse: a cross-hair that keys move, and a key that puts the tool down there and lifts it again. What
// happens is told to those who do not see it.
(() => {
  const STEP = 10, FINE = 1, ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
  const TISSUES = ["no tissue", "lumen", "fibrous cap", "lipid core", "vasa vasorum"];

  // pen: down(at), move(at), up(), isDown(), corners(). state: as for drawing.js. centre(): of the lumen, and mm per pixel.
  window.octCrosshair = (stage, view, state, pen, centre) => {
    let cross = null;

    function place() {
      const { labels, width } = state(), [x, y] = cross.map(Math.floor), { at, mm } = centre();
      const told = labels ? [TISSUES[labels[y * width + x]]] : [];
      if (at) {
        const px = Math.hypot(cross[0] - at[0], cross[1] - at[1]);
        const angle = Math.round((Math.atan2(cross[1] - at[1], cross[0] - at[0]) * 180) / Math.PI + 360) % 360;
        told.push(`${mm === null ? `${px.toFixed(0)} px` : `${(px * mm).toFixed(2)} mm`} from the centre at ${angle} degrees`);
      } else told.push(`column ${x + 1}, row ${y + 1}`);
      return told.join(", ");
    }

    const tissue = () => TISSUES[state().label];

    function tool() {
      const { tool: name } = state(), corners = pen.corners();
      if (name === "polygon") return corners ? `${corners} corner${corners > 1 ? "s" : ""} of ${tissue()}` : "polygon not begun";
      if (!pen.isDown()) return `${name} lifted`;
      return { brush: `painting ${tissue()}`, eraser: `erasing ${tissue()}`, drag: `dragging the outline of ${tissue()}` }[name] ?? name;
    }

    const say = (...words) => window.octSay([...words, place()].join(", "));

    function begin() {
      const { width, height } = state();
      stage.focus({ preventScroll: true }); // for Enter and Escape
      cross ??= centre().at?.slice() ?? [width / 2, height / 2];
    }

    function moved([dx, dy], step) {
      const { width, height } = state();
      begin();
      cross = [Math.min(width - 0.5, Math.max(0.5, cross[0] + dx * step)), Math.min(height - 0.5, Math.max(0.5, cross[1] + dy * step))];
      pen.move(cross);
      view.keep(cross);
      say(tool());
    }

    function pressed() {
      begin();
      if (state().tool === "move") window.octSay("Choose a tool first: B brush, E eraser, P polygon, D drag outline");
      else if (pen.isDown()) {
        pen.up();
        say(`${state().tool} lifted`);
      } else if (pen.down(cross)) say(tool());
      else if (!state().locked) window.octSay(`No outline of ${tissue()} is near the cross-hair`);
      view.redraw();
    }

    document.addEventListener("keydown", (event) => {
      if (event.target.matches("input, textarea") || event.altKey || event.metaKey || !state().labels) return;
      const arrow = event.shiftKey && ARROWS[event.key];
      if (arrow) moved(arrow, event.ctrlKey ? FINE : STEP);
      else if (event.key.toLowerCase() === "x" && !event.ctrlKey) pressed();
      else if (event.key === "Enter" && pen.isDown() && cross && event.target === stage) pressed();
      else return;
      event.preventDefault();
      event.stopImmediatePropagation();
    }, true);

    return {
      at: () => cross,
      // A pointer took over.
      hide() { cross = null; },
      // Lines with a gap, so that what lies under it is seen; px: a pixel of the screen.
      draw(path, px) {
        if (!cross) return;
        const [x, y] = cross;
        for (const [dx, dy] of Object.values(ARROWS)) {
          path.moveTo(x + dx * 6 * px, y + dy * 6 * px);
          path.lineTo(x + dx * 22 * px, y + dy * 22 * px);
        }
      },
    };
  };
})();
