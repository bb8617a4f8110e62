// Rows that changed, without end and without gaps.

import { mayPass, refusal } from "./errors.js";

const PAGE = 500;
const TIMER = 30_000; // ms between two looks, if realtime is silent
const ALONE = 2000; // the same without realtime, and after a failure

/**
 * Every row of the collection that changed after that seq, in the order of the last change, deleted ones included;
 * then each as it changes, for ever. A row's own `seq` is what to remember for the next time.
 */
export async function* changes(pb, find, service, { after = 0, signal, ...options } = {}) {
  const target = await find();
  if (target?.fields && !target.versioned) {
    const why = `The rows of ${target.collection} carry no seq. Run: pocketbase-events attach ${target.collection} --seq`;
    throw await refusal(pb, why);
  }
  let wake = () => {};
  const look = () => wake();
  const hears = typeof EventSource !== "undefined";
  const ends = hears ? [await service.subscribe("*", look), await pb.realtime.subscribe("PB_CONNECT", look)] : [];
  signal?.addEventListener("abort", look);
  try {
    while (!signal?.aborted) {
      const news = new Promise((resolve) => (wake = resolve)); // made first: hears of changes meanwhile
      const rows = await page(service, after, options);
      for (const row of rows ?? []) {
        after = row.seq;
        yield row;
        if (signal?.aborted) return;
      }
      if (rows?.length === PAGE) continue;
      const timer = setTimeout(look, rows && hears ? TIMER : ALONE);
      await news;
      clearTimeout(timer);
    }
  } finally {
    signal?.removeEventListener("abort", look);
    for (const end of ends) end().catch(() => {});
  }
}

/** The next rows; undefined if the connection is lost, or the server in trouble. */
async function page(service, after, options) {
  const filter = `seq > ${after}${options.filter ? ` && (\n${options.filter}\n)` : ""}`;
  const query = { ...options, filter, sort: "seq", skipTotal: true, requestKey: null };
  const { items } = await service.getList(1, PAGE, query).catch((error) => {
    if (!mayPass(error)) throw error;
    return { items: undefined };
  });
  return items;
}
