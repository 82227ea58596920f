// The vessel along its length, a column a frame: cut open at an angle that can be turned, and its wall unrolled.
(() => {
  // host: a row of the curves with a canvas and a place for marks. Shared by both: frames without a word are hatched.
  function marks(host) {
    const over = host.querySelector(".oct-over"), cursor = document.createElement("i");
    cursor.className = "oct-cursor";
    return {
      // runs of [first frame, how many] of count
      hatch(runs, count) {
        over.replaceChildren(cursor);
        for (const [from, many] of runs) {
          const part = document.createElement("i");
          part.className = "oct-hatched";
          part.style.left = `${(from / count) * 100}%`;
          part.style.width = `${(many / count) * 100}%`;
          over.append(part);
        }
      },
      at(frame, count) { cursor.style.left = `${((frame + 0.5) / count) * 100}%`; },
    };
  }

  function canvasOf(host) {
    const canvas = host.querySelector("canvas");
    return [canvas, canvas.getContext("2d", { alpha: false })];
  }

  window.octCut = (host, folder) => {
    const [canvas, context] = canvasOf(host), marked = marks(host), bar = host.querySelector(".oct-cut-bar");
    const blocks = []; // of each, what lies on the rays of its frames
    let run = null, angle = 0, fetching = false, closed = false, waits = false;

    async function block(number) {
      const answer = await fetch(`${folder}/cut-${number}.jpg`);
      if (!answer.ok) throw new Error("gone");
      const picture = await createImageBitmap(await answer.blob());
      const own = new OffscreenCanvas(picture.width, picture.height).getContext("2d", { willReadFrequently: true });
      own.drawImage(picture, 0, 0);
      picture.close();
      const { data } = own.getImageData(0, 0, own.canvas.width, own.canvas.height), grey = new Uint8Array(data.length / 4);
      for (let at = 0; at < grey.length; at += 1) grey[at] = data[at * 4];
      return grey;
    }

    async function fill() {
      if (fetching || !run.cut) return;
      fetching = true;
      try {
        while (!closed && blocks.length < Math.ceil(run.cut.frames / run.cut.block)) {
          blocks.push(await block(blocks.length));
          draw();
        }
      } catch { /* the run is gone, which is said elsewhere */ }
      fetching = false;
    }

    // Above the middle what lies opposite of the angle, below it what lies at the angle.
    function drawn() {
      waits = false;
      if (!run?.cut || closed) return;
      const { block: many, rays, radii } = run.cut, ray = Math.round((angle / 360) * rays) % rays, of = rays * radii;
      const wide = Math.max(1, run.frame_count), high = 2 * radii;
      if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
      const image = context.createImageData(wide, high), pixels = new Uint32Array(image.data.buffer).fill(0xff000000);
      blocks.forEach((grey, number) => {
        for (let within = 0; within * of < grey.length; within += 1) {
          const column = number * many + within, below = within * of + ray * radii;
          const above = within * of + ((ray + rays / 2) % rays) * radii;
          for (let radius = 0; radius < radii; radius += 1) {
            pixels[(radii + radius) * wide + column] = 0xff000000 | (grey[below + radius] * 0x10101);
            pixels[(radii - 1 - radius) * wide + column] = 0xff000000 | (grey[above + radius] * 0x10101);
          }
        }
      });
      context.putImageData(image, 0, 0);
      canvas.dataset.frames = blocks.reduce((sum, grey) => sum + grey.length / of, 0);
      canvas.setAttribute("aria-label", `Longitudinal cut at ${angle} degrees`);
    }

    function draw() {
      if (waits) return;
      waits = true;
      requestAnimationFrame(drawn);
    }

    function scale() {
      const mm = run.cut && run.pixel_spacing_mm ? run.cut.radius * 2 * run.pixel_spacing_mm : null;
      bar.hidden = mm === null;
      if (mm !== null) bar.style.height = `${(200 / mm).toFixed(2)}%`; // 2 mm
    }

    return {
      update(told, withdrawn) {
        run = told;
        host.hidden = !run.cut;
        marked.hatch(withdrawn, Math.max(1, run.frame_count));
        scale();
        fill();
        if (run.cut && (canvas.width !== run.frame_count || run.state !== "running")) draw();
      },
      turn(degrees) {
        angle = degrees;
        draw();
      },
      at(frame) { marked.at(frame, Math.max(1, run?.frame_count || 1)); },
      close() { closed = true; },
    };
  };

  // Rays from the top down, 0 to the right and clockwise: what meets lipid, and what cannot be judged.
  window.octWall = (host) => {
    const [canvas, context] = canvasOf(host), marked = marks(host), RAYS = 360;
    let count = 1, rows = null;

    function draw(run) {
      const first = run.lipid.first_frame - run.first_number, colours = run.wall_colours;
      if (canvas.width !== count || canvas.height !== RAYS) [canvas.width, canvas.height] = [count, RAYS];
      const fill = (colour, column, from, many) => {
        context.fillStyle = colour;
        context.fillRect(column, from, 1, many);
      };
      context.fillStyle = colours.wall;
      context.fillRect(0, 0, count, RAYS);
      run.lipid.rows.forEach(([lipid, ...unjudged], at) => {
        for (const runs of unjudged) for (const [from, many] of runs) fill(colours.unjudged, first + at, from, many);
        for (const [from, many] of lipid) fill(colours.lipid, first + at, from, many);
      });
    }

    return {
      update(run, withdrawn) {
        count = Math.max(1, run.frame_count);
        host.hidden = !run.lipid;
        marked.hatch(withdrawn, count);
        const told = JSON.stringify([count, run.lipid]);
        if (!run.lipid || told === rows) return;
        rows = told;
        draw(run);
      },
      at(frame) { marked.at(frame, count); },
    };
  };
})();
