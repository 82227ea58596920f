// Labels of a frame, one number a pixel, and what strokes make of them. Pure: no page, no server. Pixels are counted row by
// row; a point is [x, y] with a pixel's corner at whole numbers. `put(at)` is told each pixel that a shape covers.
(() => {
  // Runs [gap, length, before, after, ...] of what differs, as octseg/correction/runs.py has them.
  function runsOf(before, after, box) {
    const runs = [], { width, x0, y0, x1, y1 } = box;
    let end = 0;
    for (let y = y0; y < y1; y += 1) {
      for (let at = y * width + x0; at < y * width + x1; at += 1) {
        if (before[at] === after[at]) continue;
        const last = runs.length - 4, goes = last >= 0 && end === at && runs[last + 2] === before[at] && runs[last + 3] === after[at];
        if (goes) runs[last + 1] += 1;
        else runs.push(at - end, 1, before[at], after[at]);
        end = at + 1;
      }
    }
    return runs;
  }

  function filled(size, runs) {
    const labels = new Uint8Array(size);
    let at = 0;
    for (let n = 0; n < runs.length; n += 4) {
      at += runs[n];
      labels.fill(runs[n + 3], at, at + runs[n + 1]);
      at += runs[n + 1];
    }
    return labels;
  }

  // All pixels whose middle is at most `radius` away from the stretch between two points.
  function capsule(from, to, radius, width, height, put) {
    const [ax, ay] = from, bx = to[0] - ax, by = to[1] - ay, long = bx * bx + by * by;
    const top = Math.max(0, Math.floor(Math.min(ay, to[1]) - radius)), low = Math.min(height, Math.ceil(Math.max(ay, to[1]) + radius) + 1);
    const left = Math.max(0, Math.floor(Math.min(ax, to[0]) - radius)), right = Math.min(width, Math.ceil(Math.max(ax, to[0]) + radius) + 1);
    for (let y = top; y < low; y += 1) {
      for (let x = left; x < right; x += 1) {
        const px = x + 0.5 - ax, py = y + 0.5 - ay, part = long ? Math.min(1, Math.max(0, (px * bx + py * by) / long)) : 0;
        const dx = px - part * bx, dy = py - part * by;
        if (dx * dx + dy * dy <= radius * radius) put(y * width + x);
      }
    }
  }

  // All pixels whose middle lies in a polygon, by the even-odd rule.
  function polygon(points, width, height, put) {
    let low = Infinity, high = -Infinity;
    for (const [, y] of points) {
      low = Math.min(low, y);
      high = Math.max(high, y);
    }
    for (let y = Math.max(0, Math.floor(low)); y < Math.min(height, Math.ceil(high)); y += 1) {
      const middle = y + 0.5, cuts = [];
      for (let n = 0; n < points.length; n += 1) {
        const [ax, ay] = points[n], [bx, by] = points[(n + 1) % points.length];
        if (ay <= middle !== by <= middle) cuts.push(ax + ((middle - ay) / (by - ay)) * (bx - ax));
      }
      cuts.sort((one, other) => one - other);
      for (let n = 0; n + 1 < cuts.length; n += 2) {
        for (let x = Math.max(0, Math.ceil(cuts[n] - 0.5)); x < Math.min(width, Math.ceil(cuts[n + 1] - 0.5)); x += 1) put(y * width + x);
      }
    }
  }

  // Closed outlines of a label along the edges of its pixels, the label on the right; corners of pixels as points.
  function outlinesOf(labels, width, height, label) {
    const out = new Map(), is = (x, y) => x >= 0 && y >= 0 && x < width && y < height && labels[y * width + x] === label;
    const wide = width + 1;
    const add = (x, y, to) => {
      const at = y * wide + x;
      if (out.has(at)) out.get(at).push(to);
      else out.set(at, [to]);
    };
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        if (labels[y * width + x] !== label) continue;
        if (!is(x, y - 1)) add(x, y, y * wide + x + 1);
        if (!is(x + 1, y)) add(x + 1, y, (y + 1) * wide + x + 1);
        if (!is(x, y + 1)) add(x + 1, y + 1, (y + 1) * wide + x);
        if (!is(x - 1, y)) add(x, y + 1, y * wide + x);
      }
    }
    const loops = [];
    while (out.size) {
      const [start] = out.keys(), loop = [];
      let at = start;
      do {
        loop.push([at % wide, Math.floor(at / wide)]);
        const next = out.get(at);
        const to = next.pop();
        if (next.length === 0) out.delete(at);
        at = to;
      } while (at !== start && out.has(at));
      loops.push(loop);
    }
    return loops;
  }

  // Twice the area of a loop, above 0 where the label is inside and below where it is a hole.
  function turn(loop) {
    let sum = 0;
    for (let n = 0; n < loop.length; n += 1) {
      const [ax, ay] = loop[n], [bx, by] = loop[(n + 1) % loop.length];
      sum += ax * by - bx * ay;
    }
    return sum;
  }

  // The loop that passes nearest to a point, and where; null where none is within `reach`.
  function nearest(loops, point, reach) {
    let best = null, least = reach * reach;
    for (const loop of loops) {
      for (let n = 0; n < loop.length; n += 1) {
        const off = (loop[n][0] - point[0]) ** 2 + (loop[n][1] - point[1]) ** 2;
        if (off <= least) {
          least = off;
          best = { loop, n };
        }
      }
    }
    return best;
  }

  // A loop of which the stretch about a point is moved, less and less to either side, to nothing at `reach` along it.
  function dragged({ loop, n }, by, reach) {
    const moved = loop.map((point) => [...point]), half = Math.min(reach, loop.length / 2 - 1);
    for (let step = -Math.floor(half); step <= half; step += 1) {
      const at = (n + step + loop.length) % loop.length, part = 0.5 + 0.5 * Math.cos((Math.PI * step) / (half + 1));
      moved[at] = [loop[at][0] + by[0] * part, loop[at][1] + by[1] * part];
    }
    return moved;
  }

  window.octStrokes = { runsOf, filled, capsule, polygon, outlinesOf, turn, nearest, dragged };
})();
