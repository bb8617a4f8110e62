// Append events with PocketBase's JavaScript SDK, in a browser or in Node.

/** A new id, for an event or for an item. */
export const newId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(15)), (byte) => (byte % 36).toString(36)).join("");

/**
 * Append an event, `{ type, collection, item_id, data }`, and wait for the outcome. Resolves to the event's record
 * once its row is written; throws an error with the reason if the event is rejected. Sign in first: only its actor
 * may read an event. A lost connection is waited out and never doubles the event, since its id is chosen here. To
 * go on after a reload, choose the id yourself and store it with the event: `id: newId()`.
 */
export async function appendEvent(pb, event) {
  const events = pb.collection("events");
  const body = { id: newId(), actor: pb.authStore.record?.id, ...event };
  const options = { requestKey: null }; // or the SDK cancels the first of two appends at once
  let wake = () => {};
  // Realtime only says when to look. Messages are lost with the connection, so a timer says it as well.
  await events.subscribe(body.id, () => wake()).catch(() => {});
  const timer = setInterval(() => wake(), 2000);
  try {
    for (let arrived = false; ; ) {
      const news = new Promise((resolve) => (wake = resolve));
      let refusal;
      try {
        if (!arrived) await events.create(body, options).catch((error) => (refusal = error));
        // If create was refused and the event is there, an earlier attempt had arrived.
        const record = await events.getOne(body.id, options);
        arrived = true;
        if (record.seq > 0) return record;
        if (record.error) throw new Error(record.error);
      } catch (error) {
        const why = (error.status === 404 && refusal) || error;
        const willPass = why.status === 0 || why.status === 429 || why.status >= 500;
        if (!willPass) throw why;
      }
      await news;
    }
  } finally {
    clearInterval(timer);
    events.unsubscribe(body.id).catch(() => {});
  }
}
