// Rows that change.

import { mayPass, refusal } from "./errors.js";

const PAGE = 500;
const TIMER = 30_000; // ms between two looks: a connection can be lost without any sign
const ALONE = 2000; // the same without realtime, and after a failure

/**
 * Ends each turn when there may be news of a collection: realtime only says when to look, since messages may arrive
 * out of order, and are lost with the connection. PB_CONNECT tells of a new one. `next(true)`: the look has failed.
 */
async function* news(pb, rows, signal) {
  let wake = () => {};
  const look = () => wake();
  const hears = typeof EventSource !== "undefined";
  const ends = hears ? [await rows.subscribe("*", look), await pb.realtime.subscribe("PB_CONNECT", look)] : [];
  signal?.addEventListener("abort", look);
  try {
    while (!signal?.aborted) {
      const heard = new Promise((resolve) => (wake = resolve)); // made first: hears of changes during the look
      const failed = yield;
      const timer = setTimeout(look, hears && !failed ? TIMER : ALONE);
      await heard;
      clearTimeout(timer);
    }
  } finally {
    signal?.removeEventListener("abort", look);
    for (const end of ends) end().catch(() => {});
  }
}

/**
 * Call `onChange` with the rows of a collection that are not deleted: at once, after every change, when a lost
 * connection is back, and twice a minute in any case. `options` are those of the SDK's getFullList: `sort`, or a
 * `filter` of your own (begin it with "deleted = false && "). Resolves to a function that stops it. Throws if the
 * rows can't be read.
 */
export async function liveRows(pb, collection, onChange, options = {}) {
  const rows = pb.collection(collection);
  const read = () => rows.getFullList({ filter: "deleted = false", requestKey: null, ...options });
  const stop = new AbortController();
  const turns = news(pb, rows, stop.signal);
  onChange(await read());
  await turns.next(); // it hears of changes from now on
  (async () => {
    let found;
    do {
      found = await read().catch(() => undefined);
      if (found && !stop.signal.aborted) onChange(found);
    } while (!(await turns.next(!found)).done);
  })();
  return () => stop.abort();
}

/**
 * Every row of the collection that changed after that seq, in the order of the last change, deleted ones included;
 * then each as it changes, for ever. A row's own `seq` is what to remember for the next time.
 */
export async function* changes(pb, find, service, { after = 0, signal, ...options } = {}) {
  const target = await find();
  if (target.fields && !target.versioned) {
    const why = `The rows of ${target.collection} carry no seq. Run: pocketbase-events attach ${target.collection} --seq`;
    throw await refusal(pb, why);
  }
  const turns = news(pb, service, signal);
  try {
    let rows;
    while (!(await turns.next(rows === null)).done) {
      do {
        rows = await page(service, after, options);
        for (const row of rows ?? []) {
          after = row.seq;
          yield row;
          if (signal?.aborted) return;
        }
      } while (rows?.length === PAGE);
    }
  } finally {
    await turns.return();
  }
}

/** The next rows; null if the connection is lost, or the server in trouble. */
async function page(service, after, options) {
  const filter = `seq > ${after}${options.filter ? ` && (\n${options.filter}\n)` : ""}`;
  const query = { ...options, filter, sort: "seq", skipTotal: true, requestKey: null };
  const { items } = await service.getList(1, PAGE, query).catch((error) => {
    if (!mayPass(error)) throw error;
    return { items: null };
  });
  return items;
}
