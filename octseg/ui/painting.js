// A frame's labels as a picture that view.js lays on the frame: hard edges at any zoom, an outline a pixel wide, a fill in
// the tissue's colour. Only the rectangle that was changed is painted again.
(() => {
  function coloursOf(pens) {
    const names = ["lumen", "fibrous_cap", "lipid_core", "vasa_vasorum"];
    return names.map((name) => ({ name, rgb: pens[name].colour.match(/\d+/g).map(Number), pen: pens[name] }));
  }

  window.octPainting = (pens) => {
    const canvas = document.createElement("canvas"), context = canvas.getContext("2d"), colours = coloursOf(pens);
    let labels = null, before = null, shows = "now", width = 0, height = 0;

    function alphaOf(how, pen) {
      if (how.style === "outline" || !(pen.beside || how.style === "fill")) return 0;
      return Math.round(255 * how.opacity * pen.fill);
    }

    // x1, y1 left out.
    function paint(how, x0, y0, x1, y1) {
      const wide = x1 - x0, high = y1 - y0;
      if (wide <= 0 || high <= 0) return;
      const image = context.createImageData(wide, high), out = image.data;
      const fills = colours.map(({ pen }) => alphaOf(how, pen)), hidden = colours.map(({ name }) => how.hidden.has(name));
      const main = shows === "before" ? before : labels;
      const edge = (of, at, x, y) => {
        const label = of[at];
        return (x > 0 && of[at - 1] !== label) || (x + 1 < width && of[at + 1] !== label)
          || (y > 0 && of[at - width] !== label) || (y + 1 < height && of[at + width] !== label);
      };
      for (let y = y0; y < y1; y += 1) {
        for (let x = x0; x < x1; x += 1) {
          const at = y * width + x, to = ((y - y0) * wide + x - x0) * 4, label = main[at];
          if (label && !hidden[label - 1]) {
            const [red, green, blue] = colours[label - 1].rgb, outline = how.style !== "fill" && edge(main, at, x, y);
            out[to] = red;
            out[to + 1] = green;
            out[to + 2] = blue;
            out[to + 3] = outline ? 255 : fills[label - 1];
          }
          if (shows === "both" && before[at] && before[at] !== label && !hidden[before[at] - 1] && edge(before, at, x, y)) {
            const [red, green, blue] = colours[before[at] - 1].rgb, light = (x + y) % 4 < 2;
            out[to] = light ? red : 255;
            out[to + 1] = light ? green : 255;
            out[to + 2] = light ? blue : 255;
            out[to + 3] = 230;
          }
        }
      }
      context.putImageData(image, x0, y0);
    }

    return {
      canvas,
      // now, then: labels as they are and as the model gave them; of: which of them is shown.
      show(now, then, of, size, how) {
        [labels, before, shows] = [now, then, of];
        if (canvas.width !== size.width || canvas.height !== size.height) {
          [canvas.width, canvas.height] = [size.width, size.height];
        }
        [width, height] = [size.width, size.height];
        paint(how, 0, 0, width, height);
      },
      again(how, box) {
        paint(how, Math.max(0, box.x0 - 1), Math.max(0, box.y0 - 1), Math.min(width, box.x1 + 1), Math.min(height, box.y1 + 1));
      },
    };
  };
})();
