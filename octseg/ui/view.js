// One frame on a canvas: its pixels, on them its outlines as the switches say, and a bar of a round length. Wheel with
// ctrl, pinch and double-click zoom, what is dragged moves.
(() => {
  const BAR_LENGTHS_MM = [2, 1, 0.5, 0.2], MOST_ZOOM = 12, EDGE = 0.1, HANDLE = 0.95; // of the disc's radius

  // How the page's switches say that it is drawn; app.js keeps them on <body>.
  function style() {
    const set = document.body.dataset, opacity = document.body.style.getPropertyValue("--oct-opacity");
    return {
      hidden: new Set((set.octHide || "").split(" ")),
      style: set.octStyle || "both",
      grey: set.octGrey === "yes",
      places: set.octPlaces !== "no",
      doubt: set.octDoubt === "yes",
      place: set.octPlace || "",
      opacity: opacity === "" ? 0.45 : Number(opacity),
    };
  }

  function hatch(context, pen, unit) {
    const side = Math.max(2, Math.round(pen.hatch[0] * unit)), tile = document.createElement("canvas");
    tile.width = tile.height = side;
    const on = tile.getContext("2d");
    on.fillStyle = pen.colour;
    on.fillRect(0, 0, side, Math.max(1, pen.hatch[1] * unit));
    const pattern = context.createPattern(tile, "repeat");
    pattern.setTransform(new DOMMatrix().rotate(-45));
    return pattern;
  }

  // angle: of the cut along the vessel, in degrees.
  window.octView = (stage, run, angle) => {
    const canvas = stage.querySelector("canvas"), context = canvas.getContext("2d", { alpha: false });
    const hatches = new Map();
    let shown = null, zoom = 1, centre = [0.5, 0.5], size = [0, 0];

    function fit() {
      const ratio = Math.min(window.devicePixelRatio || 1, 2), { width, height } = run();
      const wide = stage.clientWidth, high = width ? Math.min(wide * (height / width), window.innerHeight * 0.72) : wide;
      stage.style.setProperty("--oct-stage-height", `${Math.round(high)}px`);
      const wanted = [Math.round(wide * ratio), Math.round(high * ratio)];
      if (wanted[0] !== size[0] || wanted[1] !== size[1]) {
        size = wanted;
        [canvas.width, canvas.height] = size;
      }
    }

    const scaleNow = () => Math.min(size[0] / run().width, size[1] / run().height) * zoom;

    // The middle of what is shown, so that no more of the ground is seen than there must be; parts of width and height.
    function inside(middle) {
      return [run().width, run().height].map((whole, axis) => {
        const half = size[axis] / 2 / scaleNow() / whole;
        return half >= 0.5 ? 0.5 : Math.min(1 - half, Math.max(half, middle[axis]));
      });
    }

    // Canvas pixels to a pixel of the frame, and where the frame's corner lies.
    function placed() {
      const { width, height } = run(), scale = scaleNow(), [x, y] = inside(centre);
      return { scale, left: size[0] / 2 - x * width * scale, top: size[1] / 2 - y * height * scale };
    }

    function draw() {
      if (!shown || !run().width || size[0] === 0) return;
      const { scale, left, top } = placed(), { width, height } = run(), how = style();
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.fillStyle = "#000";
      context.fillRect(0, 0, ...size);
      context.setTransform(scale, 0, 0, scale, left, top);
      context.filter = how.grey ? "grayscale(1)" : "none";
      context.drawImage(shown.bitmap, 0, 0, width, height);
      context.filter = "none";
      stage.toggleAttribute("data-doubt", Boolean(shown.doubt));
      if (shown.doubt && how.doubt) sharp(shown.doubt);
      for (const [name, path] of shown.paths) if (!how.hidden.has(name)) tissue(name, path, how);
      if (shown.layer) sharp(shown.layer);
      for (const mark of shown.told.marks) if (how.places || isAt(mark, how.place)) marked(mark, scale, how.place);
      if (run().cut) cutLine(scale);
      shown.over?.(context, size[0] / stage.clientWidth / scale);
      bar(scale);
    }

    // A layer of which a pixel is seen as one.
    function sharp(layer) {
      context.imageSmoothingEnabled = false;
      context.drawImage(layer, 0, 0, run().width, run().height);
      context.imageSmoothingEnabled = true;
    }

    // Where the vessel is cut along its length: its ends, at the rim, with a handle each.
    function cutLine(scale) {
      const [x, y] = middle(), { radius } = run().cut, px = (size[0] / stage.clientWidth) / scale;
      const turn = (angle() * Math.PI) / 180, path = new Path2D();
      for (const side of [1, -1]) {
        const to = (part) => [x + side * part * radius * Math.cos(turn), y + side * part * radius * Math.sin(turn)];
        path.moveTo(...to(0.84));
        path.lineTo(...to(HANDLE - (5 * px) / radius));
        path.moveTo(to(HANDLE)[0] + 5 * px, to(HANDLE)[1]);
        path.arc(...to(HANDLE), 5 * px, 0, 2 * Math.PI);
      }
      for (const [colour, width] of [["#000", 4], ["#7fd4ff", 1.6]]) {
        context.strokeStyle = colour;
        context.lineWidth = width * px;
        context.stroke(path);
      }
    }

    const middle = () => run().cut.centre.map((at) => at + 0.5); // of its pixel, in the canvas's way to count

    function angleOf(event) {
      const at = under(event), [x, y] = middle();
      return ((Math.atan2(at.y - y, at.x - x) * 180) / Math.PI + 360) % 360;
    }

    // Whether a pointer is on one of the handles of the cut's line.
    function onCut(event) {
      if (!run().cut) return false;
      const at = under(event), [x, y] = middle(), turn = (angle() * Math.PI) / 180;
      const reach = (event.pointerType === "touch" ? 26 : 14) * (size[0] / stage.clientWidth) / placed().scale;
      return [1, -1].some((side) => {
        const out = side * HANDLE * run().cut.radius;
        return Math.hypot(at.x - x - out * Math.cos(turn), at.y - y - out * Math.sin(turn)) < reach;
      });
    }

    const isAt = (mark, place) => mark.name === place || (mark.core !== null && place === `core-${mark.core}`);

    // Where a number was measured; the one that was asked for stands out, and says what it is.
    function marked(mark, scale, place) {
      const here = isAt(mark, place), px = (size[0] / stage.clientWidth) / scale, at = (tenths) => tenths / 10 + 0.5;
      const path = new Path2D();
      for (const line of mark.lines) {
        for (let n = 0; n < line.length; n += 2) path[n ? "lineTo" : "moveTo"](at(line[n]), at(line[n + 1]));
      }
      if (here && mark.ring) {
        const [x, y, radius] = mark.ring;
        path.moveTo(at(x + radius), at(y));
        path.arc(at(x), at(y), radius / 10, 0, 2 * Math.PI);
      }
      context.globalAlpha = here || !place ? 1 : 0.5;
      for (const [colour, width] of [["#000", here ? 4.5 : 3], ["#fff", here ? 2.2 : 1.1]]) {
        context.strokeStyle = colour;
        context.lineWidth = width * px;
        context.stroke(path);
      }
      context.globalAlpha = 1;
      if (!here) return;
      context.font = `600 ${15 * px}px system-ui, sans-serif`;
      context.textAlign = "center";
      const x = at(mark.at[0]), y = at(mark.at[1]) - (mark.ring ? mark.ring[2] / 10 + 6 * px : 8 * px);
      context.strokeStyle = "#000";
      context.lineWidth = 4 * px;
      context.strokeText(mark.said, x, y);
      context.fillStyle = "#fff";
      context.fillText(mark.said, x, y);
    }

    function tissue(name, path, how) {
      const pen = run().pens[name], unit = run().unit_px;
      if (how.style !== "outline" && (pen.beside || how.style === "fill")) {
        context.globalAlpha = how.opacity * pen.fill;
        context.fillStyle = pen.colour;
        context.fill(path, "evenodd");
        if (pen.hatch) {
          if (!hatches.has(name)) hatches.set(name, hatch(context, pen, unit));
          context.globalAlpha = how.opacity * 0.7;
          context.fillStyle = hatches.get(name);
          context.fill(path, "evenodd");
        }
        context.globalAlpha = 1;
      }
      if (how.style === "fill") return;
      context.lineCap = context.lineJoin = "round";
      context.setLineDash(pen.gap ? [pen.dash * unit, pen.gap * unit] : []);
      for (const [colour, width] of [["#000", pen.width * unit + 2], [pen.colour, pen.width * unit]]) {
        context.strokeStyle = colour;
        context.lineWidth = width;
        context.stroke(path);
      }
      context.setLineDash([]);
    }

    function bar(scale) {
      const { scale: mm, bar_above: end } = shown.told, margin = size[0] * 0.03;
      if (mm === null) return;
      const low = Math.min(size[1], placed().top + end * scale) - margin; // below that a millimetre may be another
      if (low < 2 * margin) return;
      context.setTransform(1, 0, 0, 1, 0, 0);
      const length = BAR_LENGTHS_MM.find((each) => (each / mm) * scale <= size[0] / 4);
      if (!length) return;
      const px = (length / mm) * scale, right = size[0] - margin;
      context.lineCap = "butt";
      context.strokeStyle = "#fff";
      context.lineWidth = size[0] / 150;
      context.beginPath();
      context.moveTo(right - px, low);
      context.lineTo(right, low);
      context.stroke();
      context.font = `${Math.round(size[0] / 34)}px system-ui, sans-serif`;
      context.textAlign = "center";
      context.strokeStyle = "#000";
      context.lineWidth = 3;
      context.strokeText(`${length} mm`, right - px / 2, low - size[0] / 75);
      context.fillStyle = "#fff";
      context.fillText(`${length} mm`, right - px / 2, low - size[0] / 75);
    }

    // Where a pointer is, in pixels of the frame.
    function under(event) {
      const box = canvas.getBoundingClientRect(), { scale, left, top } = placed();
      const x = ((event.clientX - box.left) / box.width) * size[0], y = ((event.clientY - box.top) / box.height) * size[1];
      return { x: (x - left) / scale, y: (y - top) / scale };
    }

    const zoomAt = (event, factor) => zoomAbout(under(event), factor);

    function zoomAbout(at, factor) {
      const { width, height } = run(), before = zoom;
      zoom = Math.min(MOST_ZOOM, Math.max(1, zoom * factor));
      const part = 1 - before / zoom;
      centre = inside([at.x / width, at.y / height].map((to, axis) => centre[axis] + (to - centre[axis]) * part));
      stage.classList.toggle("oct-zoomed", zoom > 1);
      draw();
    }

    // Move the picture so far that a point of the frame is seen, [x, y].
    function keep(point) {
      const { scale, left, top } = placed(), { width, height } = run(), edge = EDGE * Math.min(...size);
      const by = [left + point[0] * scale, top + point[1] * scale].map((at, axis) => Math.min(0, at - edge) + Math.max(0, at - size[axis] + edge));
      centre = inside([centre[0] + by[0] / scale / width, centre[1] + by[1] / scale / height]);
      draw();
    }

    function moveBy(x, y) {
      const box = canvas.getBoundingClientRect(), scale = scaleNow(), { width, height } = run();
      centre = inside([
        centre[0] - ((x / box.width) * size[0]) / scale / width,
        centre[1] - ((y / box.height) * size[1]) / scale / height,
      ]);
      draw();
    }

    return {
      show(ready) {
        shown = ready;
        fit();
        draw();
      },
      redraw() {
        fit();
        draw();
      },
      zoomAt,
      zoomAbout,
      keep,
      moveBy,
      onCut,
      angleOf,
      under,
      whole() {
        zoom = 1;
        centre = [0.5, 0.5];
        stage.classList.remove("oct-zoomed");
        draw();
      },
      zoomed: () => zoom > 1,
      pxOfScreen: () => size[0] / stage.clientWidth / placed().scale,
      style,
      shown: () => shown,
    };
  };
})();
