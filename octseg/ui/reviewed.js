// The frames of a review as the page holds them, the ones that were looked at last: pixels, labels, numbers, and the layer
// of where variants disagree. One is asked for at a time, so that who passes many waits for one of them at most.
(() => {
  const HELD = 10;

  function newest(map, key, make) {
    const had = map.get(key) ?? make();
    map.delete(key);
    map.set(key, had);
    for (const oldest of map.keys()) {
      if (map.size <= HELD) break;
      map.delete(oldest);
    }
    coming(map, key, had);
    return had;
  }

  function coming(map, key, had) {
    had.catch(() => { if (map.get(key) === had) map.delete(key); });
  }

  async function bitmap(path) {
    const answer = await fetch(path);
    if (!answer.ok) throw Object.assign(new Error(await answer.text()), { refused: answer.status === 409 });
    return createImageBitmap(await answer.blob());
  }

  function opened(frame, had) {
    const pixels = had.width * had.height, { filled } = window.octStrokes;
    return { ...had, frame, labels: filled(pixels, had.labels), original: filled(pixels, had.original) };
  }

  // asked(path): JSON of the server.
  window.octReviewed = (asked) => {
    const pictures = new Map(), layers = new Map(), held = new Map();
    const told = (frame) => newest(held, frame, () => asked(`frames/${frame}.json`).then((had) => opened(frame, had)));
    const isHeld = (frame) => [pictures, layers, held].every((map) => map.has(frame)); // or on its way
    let last = Promise.resolve(), turn = 0;

    const all = (frame) => Promise.all([
      newest(pictures, frame, () => bitmap(`frames/${frame}.jpg`)),
      told(frame),
      newest(layers, frame, () => told(frame).then((had) => (had.doubt ? bitmap(`frames/${frame}.png`) : null))),
    ]);

    // Behind what was asked for before; null where another frame is wanted by then.
    function inTurn(frame) {
      const mine = turn, coming = last.then(() => (mine === turn ? all(frame) : null));
      last = coming.catch(() => {});
      return coming;
    }

    return {
      told,
      // What is drawn of a frame: its pixels, what is told of it, its layer of doubt, null where it has none. Null for all
      // of it where it was passed before it was asked for.
      wanted(frame) {
        turn += 1;
        return isHeld(frame) ? all(frame) : inTurn(frame);
      },
      // Frames that may be wanted next, unless another one is.
      ahead(frames) {
        for (const frame of frames) inTurn(frame).catch(() => {});
      },
      put: (frame, had) => held.set(frame, Promise.resolve(opened(frame, had))),
      forget: (frame) => held.delete(frame),
      forgetAll: () => held.clear(),
    };
  };
})();
