// The frames of a review as the page holds them, the ones that were looked at last: pixels, labels, numbers, and the layer
// of where variants disagree.
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

    return {
      told,
      // What is drawn of a frame: its pixels, what is told of it, its layer of doubt, null where it has none.
      all: (frame) => Promise.all([
        newest(pictures, frame, () => bitmap(`frames/${frame}.jpg`)),
        told(frame),
        newest(layers, frame, () => told(frame).then((had) => (had.doubt ? bitmap(`frames/${frame}.png`) : null))),
      ]),
      put: (frame, had) => held.set(frame, Promise.resolve(opened(frame, had))),
      forget: (frame) => held.delete(frame),
      forgetAll: () => held.clear(),
    };
  };
})();
