// What a review asks of its server: strokes one after the other, each sent again until it is answered.
(() => {
  const AGAIN_MS = 1000;
  const AWAY = "The server does not answer. The last stroke is sent again until it does, and nothing is drawn meanwhile.";
  const ENDED = " If octseg review was ended, start it again: all strokes before are in the log.";

  async function asked(path, body) {
    const answer = await fetch(path, body === undefined ? {} : { method: "POST", body: JSON.stringify(body) });
    if ([409, 413, 500].includes(answer.status)) throw Object.assign(new Error(await answer.text()), { refused: true });
    if (!answer.ok) throw new Error(answer.status);
    return answer.json();
  }

  // isVisitor: whether the server is not the reader's own. say(sentence); changed(): how many wait, or whether it answers.
  // refused(frame): a stroke on a frame was not taken.
  window.octSending = (isVisitor, { say, changed, refused }) => {
    const gone = AWAY + (isVisitor ? "" : ENDED);
    let last = Promise.resolve(), waiting = 0, away = false;

    async function insisting(path, body) {
      for (;;) {
        try {
          const answer = await asked(path, body);
          if (away) say("");
          away = false;
          return answer;
        } catch (error) {
          if (error.refused) throw error;
          away = true;
          say(gone);
          await new Promise((done) => { setTimeout(done, AGAIN_MS); });
        }
      }
    }

    return {
      asked,
      insisting,
      gone,
      // Work on a frame, after all that was asked before.
      queue(work, frame) {
        waiting += 1;
        last = last.then(work).catch((error) => {
          say(error.message);
          return refused(frame)?.then(() => say(error.message));
        }).finally(() => {
          waiting -= 1;
          changed();
        });
        changed();
      },
      waiting: () => waiting,
      away: () => away,
    };
  };
})();
