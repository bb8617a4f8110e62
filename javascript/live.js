// Keep a list of rows live.

/**
 * Call `onChange` with the rows of a collection that are not deleted: at once, after every change, when a lost
 * connection is back, and twice a minute in any case. `options` are those of the SDK's getFullList: `sort`, or a
 * `filter` of your own (begin it with "deleted = false && "). Resolves to a function that stops it. Throws if the
 * rows can't be read.
 */
export async function liveRows(pb, collection, onChange, options = {}) {
  const rows = pb.collection(collection);
  const read = () => rows.getFullList({ filter: "deleted = false", requestKey: null, ...options });
  let wake = () => {};
  const look = () => wake();
  onChange(await read());
  // Realtime only says when to look: messages may arrive out of order, and are lost with the connection. PB_CONNECT
  // tells of a new one. Subscribe without the filter, which would hide that a row was deleted.
  const subscribed = [await rows.subscribe("*", look), await pb.realtime.subscribe("PB_CONNECT", look)];
  const timer = setInterval(look, 30_000); // a connection can be lost without any sign
  let ended = false;
  (async () => {
    while (!ended) {
      const news = new Promise((resolve) => (wake = resolve)); // made first: hears of changes meanwhile
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
