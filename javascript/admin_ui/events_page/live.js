// Looking at the log when it may have changed.

const SLOW = 10_000; // ms between looks without any news: messages get lost with a connection
const PAUSE = 300; // ms between looks, however many messages come

/**
 * Call `look`, which resolves when it is done, now, at every message, and on a slow timer; one at a time. Returns a
 * function to look now, `look()`, and one to stop, `stop()`.
 */
export function keepLooking(pb, look) {
  let [isLooking, isWanted, isOver, timer] = [false, false, false, 0];
  const again = async () => {
    if (isOver) return;
    isWanted = true;
    if (isLooking) return;
    isLooking = true;
    clearTimeout(timer);
    while (isWanted && !isOver) {
      isWanted = false;
      await look().catch((error) => console.warn("events page:", error));
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
    isLooking = false;
    if (!isOver) timer = setTimeout(again, SLOW);
  };
  // Messages come once for each event, or for a transaction that recorded many; only that there is news matters.
  const topics = ["events", "event_head"].map((name) => pb.collection(name).subscribe("*", again, { fields: "id" }));
  topics.push(pb.realtime.subscribe("PB_CONNECT", again));
  again();
  const stop = () => {
    isOver = true;
    clearTimeout(timer);
    for (const topic of topics) topic.then((unsubscribe) => unsubscribe()).catch(() => {});
  };
  return { look: again, stop };
}
