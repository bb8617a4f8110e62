// Keep a list of rows live with PocketBase's JavaScript SDK, in a browser or in Node.

/**
 * Calls `onChange` with the rows of a collection that are not deleted: at once, after every change, once a lost
 * connection is back, and twice a minute in any case. `options` are those of the SDK's getFullList: `sort`, or a
 * `filter` of your own (begin it with "deleted = false && "). Resolves to a function that ends it, rejects if the
 * rows can't be read.
 */
export async function liveRows(pb, collection, onChange, options = {}) {
  const rows = pb.collection(collection);
  const read = () => rows.getFullList({ filter: "deleted = false", requestKey: null, ...options });
  let wake = () => {};
  const look = () => wake();
  onChange(await read());
  // Realtime only says when to look. Its messages may come in another order than the changes, a filter would
  // hide that a row was deleted, and it repeats nothing after a lost connection: PB_CONNECT tells of a new one.
  const subscribed = [await rows.subscribe("*", look), await pb.realtime.subscribe("PB_CONNECT", look)];
  const timer = setInterval(look, 30_000); // a connection may be lost without anybody being told
  let ended = false;
  (async () => {
    while (!ended) {
      const news = new Promise((resolve) => (wake = resolve)); // also what changes while we read
      const found = await read().catch(() => void setTimeout(look, 2000));
      if (found && !ended) onChange(found);
      await news;
    }
  })();
  return () => {
    ended = true;
    wake();
    clearInterval(timer);
    for (const unsubscribe of subscribed) unsubscribe().catch(() => {});
  };
}
