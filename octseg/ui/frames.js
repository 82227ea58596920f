// The frames of one pullback as the page holds them: each file is fetched once and kept as it came, as bytes; a few are
// kept decoded, those next to the one that is looked at first.
(() => {
  const DECODED = 16, NEIGHBOURS = [1, 2, -1, 3, 4, -2, 5, 6, -3, 7, 8], AT_ONCE = 3, AGAIN_MS = 2000;

  function outlinesOf(rings, partsOfPx) {
    const path = new Path2D();
    for (const ring of rings) {
      for (let at = 0; at < ring.length; at += 2) {
        const x = ring[at] / partsOfPx + 0.5, y = ring[at + 1] / partsOfPx + 0.5;
        if (at === 0) path.moveTo(x, y);
        else path.lineTo(x, y);
      }
      path.closePath();
    }
    return path;
  }

  // Whether a file may come later: the network or the server is away, rather than that there is no such file.
  window.octAway = (error) => error instanceof TypeError || error.status >= 500;

  // folder: address of the run's files. done: how many frames are there. Frames count from 0 here.
  window.octFrames = (folder, done) => {
    const files = new Map(), decoded = new Map();
    let wanted = 0, direction = 1, fetching = 0, turn = 0, closed = false, gone = false;

    const stem = (frame) => `${folder}/${String(frame + 1).padStart(4, "0")}`;

    async function fetched(frame) {
      const [picture, told] = await Promise.all([fetch(`${stem(frame)}.jpg`), fetch(`${stem(frame)}.json`)]);
      const none = [picture, told].find((answer) => !answer.ok);
      if (none) throw Object.assign(new Error("no such file"), { status: none.status });
      return { picture: await picture.blob(), told: await told.arrayBuffer() };
    }

    function file(frame) {
      if (!files.has(frame)) {
        const coming = fetched(frame);
        files.set(frame, coming);
        coming.catch(() => files.delete(frame));
      }
      return files.get(frame);
    }

    async function decode(frame) {
      const held = await file(frame);
      const coming = createImageBitmap(held.picture), told = JSON.parse(new TextDecoder().decode(held.told));
      const [bitmap, doubt] = await Promise.all([coming, told.doubt ? layer(frame) : null]);
      const paths = Object.entries(told.outlines).map(([name, rings]) => [name, outlinesOf(rings, 10)]);
      return { frame, bitmap, doubt, told, paths };
    }

    // Where variants of the frame disagree; a frame is shown without, too.
    async function layer(frame) {
      try {
        const answer = await fetch(`${stem(frame)}.png`);
        return answer.ok ? await createImageBitmap(await answer.blob()) : null;
      } catch {
        return null;
      }
    }

    function load(frame) {
      let entry = decoded.get(frame);
      if (entry) decoded.delete(frame); // and in again, as the newest
      else {
        entry = { ready: null };
        entry.coming = decode(frame).then((ready) => {
          entry.ready = ready;
          return ready;
        });
        entry.coming.catch(() => decoded.delete(frame));
      }
      decoded.set(frame, entry);
      for (const [oldest, old] of decoded) {
        if (decoded.size <= DECODED) break;
        decoded.delete(oldest);
        old.coming.then((ready) => ready.bitmap.close(), () => {});
      }
      return entry;
    }

    // One neighbour after the other, and none for a frame that is left already: who jumps waits for one at most.
    async function ahead() {
      turn += 1;
      const mine = turn, from = wanted, towards = direction;
      for (const step of NEIGHBOURS) {
        if (closed || mine !== turn) return;
        const frame = from + step * towards;
        if (inside(frame)) await load(frame).coming.catch(() => {});
      }
    }

    const inside = (frame) => frame >= 0 && frame < done();

    // All other files, the nearest first, a few at a time.
    function next() {
      for (let step = 0; step < done(); step += 1) {
        for (const frame of [wanted + step * direction, wanted - step * direction]) {
          if (inside(frame) && !files.has(frame)) return frame;
        }
      }
      return null;
    }

    function fill() {
      while (!closed && !gone && fetching < AT_ONCE) {
        const frame = next();
        if (frame === null) return;
        fetching += 1;
        file(frame).catch((error) => {
          gone ||= !window.octAway(error);
          return new Promise((done) => { setTimeout(done, AGAIN_MS); });
        }).finally(() => {
          fetching -= 1;
          fill();
        });
      }
    }

    return {
      // What is decoded of a frame, null until it is; its neighbours are made ready meanwhile.
      now(frame) {
        direction = frame < wanted ? -1 : 1;
        wanted = frame;
        const { ready } = load(frame);
        setTimeout(() => { if (!closed) ahead(); }, 0);
        return ready;
      },
      coming: (frame) => load(frame).coming,
      held: (frame) => decoded.get(frame)?.ready ?? null,
      fill,
      close() {
        closed = true;
        for (const old of decoded.values()) old.coming.then((ready) => ready.bitmap.close(), () => {});
        decoded.clear();
      },
    };
  };
})();
