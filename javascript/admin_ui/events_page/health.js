// Is all well? As jobs/status.py of the worker's package says it, from one record of `event_status`. Pure.

const MISSED_AFTER = 10; // seconds that an event stays pending before a worker is missed
const UNSEEN_AFTER = 120; // seconds without a look, which a worker notes every 30 s
const LOCKS = ["pbe_events_insert", "pbe_events_update", "pbe_events_delete", "pbe_head_update"];

const moment = (text) => Date.parse(text.replace(" ", "T"));

/** Seconds in words; minutes from two on, or hours, or days. */
export function duration(seconds) {
  for (const [unit, length] of [
    ["days", 86_400],
    ["hours", 3600],
    ["minutes", 60],
  ])
    if (seconds >= 2 * length) return `${Math.round(seconds / length)} ${unit}`;
  return `${Math.max(0, Math.round(seconds))} s`;
}

/** What the page tells at a glance, and the sentence if something is wrong. */
export function healthOf(status) {
  const now = moment(status.now);
  const seconds = (text) => (text ? (now - moment(text)) / 1000 : undefined);
  const [seen, waits] = [seconds(status.last_seen), seconds(status.oldest_pending)];
  const isHeld = !!status.hold_until && moment(status.hold_until) > now;
  return {
    seen: seen === undefined ? "never seen" : `seen ${duration(seen)} ago`,
    hold: isHeld ? `${status.hold_by || "someone"} holds the log until ${status.hold_until.slice(11, 19)} UTC` : "",
    isLocked: LOCKS.every((name) => status.triggers.includes(name)),
    trouble: troubleOf(status, seen, waits, isHeld),
  };
}

function troubleOf(status, seen, waits, isHeld) {
  if (status.seq !== status.last_seq || status.hash !== status.last_hash)
    return { sentence: "The head and the last event disagree, so nothing is recorded. Verify tells what happened." };
  const start = "pocketbase-events run";
  if (seen === undefined) return { sentence: "No worker has ever looked for events. Start one:", command: start };
  if (!isHeld && waits > MISSED_AFTER && seen >= waits) {
    const sentence = `Events have been pending for ${duration(waits)}: no worker takes them. Start one:`;
    return { sentence, command: start };
  }
  if (seen > UNSEEN_AFTER) {
    const sentence = `No worker has looked for events for ${duration(seen)}. Start one:`;
    return { sentence, command: start };
  }
  if (!isHeld && waits > MISSED_AFTER)
    return {
      sentence: `Events have been pending for ${duration(waits)} although a worker is there. Its log says why:`,
      command: "pocketbase-events status",
    };
  return null;
}
