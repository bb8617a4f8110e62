// Appending events: each is received once, however often it has to be sent.

import { blame, fieldsIn, mayPass, refusal } from "./errors.js";
import { actorOf, Outcomes, patiently } from "./outcomes.js";

const EVENTS = "/api/collections/events/records";
const outcomes = new WeakMap(); // of each client

/** A new id, for an event or for an item. */
export const newId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(15)), (byte) => (byte % 36).toString(36)).join("");

/** Send one event, or several in one batch request. The options are those of the SDK's `send`. */
export const post = (pb, events, options) =>
  events.length === 1
    ? pb.send(EVENTS, { ...options, method: "POST", body: events[0] })
    : pb.send("/api/batch", {
        ...options,
        method: "POST",
        body: { requests: events.map((body) => ({ method: "POST", url: EVENTS, body })) },
      });

/**
 * Append events and wait for the outcome of the last, which is that of all if they are a group. `send` makes one
 * attempt to send them. Resolves to the event's record, or to null if the client may not read it; throws if PocketBase
 * refuses the append. `inTurn` may delay the sending until others are through. A lost connection is waited out: the events have ids, so sending them again is harmless.
 */
export async function deliver(pb, events, send, signal, inTurn = (sending) => sending()) {
  if (!outcomes.has(pb)) outcomes.set(pb, new Outcomes(pb));
  const waiting = outcomes.get(pb);
  const { id } = events.at(-1);
  const outcome = waiting.of(id);
  let doubt = false;
  const attempt = () =>
    send().catch(async (error) => {
      doubt = true;
      if (mayPass(error) || error.isAbort || !(await arrived(pb, id))) throw error;
    });
  try {
    await inTurn(() => patiently(pb, attempt, signal));
  } catch (error) {
    waiting.forget(id);
    throw error;
  }
  waiting.appended(id, doubt);
  return orAborted(pb, outcome, signal);
}

/** Whether an earlier attempt had arrived. */
const arrived = (pb, id) =>
  pb
    .collection("events")
    .getOne(id, { requestKey: null })
    .then(
      () => true,
      (error) => (mayPass(error) ? Promise.reject(error) : false),
    );

async function orAborted(pb, promise, signal) {
  if (!signal) return promise;
  const stop = new AbortController();
  const abort = new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", resolve, { signal: stop.signal });
  });
  const first = await Promise.race([promise, abort.then(() => stop)]).finally(() => stop.abort());
  if (first === stop) return patiently(pb, undefined, AbortSignal.abort());
  return first;
}

/** The error for a rejected event. */
export function rejection(pb, { id, error }) {
  const { sentence } = blame(id, error);
  return refusal(pb, sentence, fieldsIn(sentence));
}

/**
 * Append an event, `{ type, collection, item_id, data }`, and wait for the outcome. Resolves to the event's record
 * once its row is written; throws a ClientResponseError with the reason if the event is rejected. Sign in first: only
 * its actor may read an event. A lost connection is waited out and never doubles the event, since its id is chosen
 * here. To go on after a reload, choose the id yourself and store it with the event: `id: newId()`.
 */
export async function appendEvent(pb, event) {
  const body = { id: newId(), actor: actorOf(pb), ...event };
  const record = await deliver(pb, [body], () => post(pb, [body], { requestKey: null }));
  if (!record) throw await refusal(pb, "The event was appended, but only its actor may read it. Sign in.", {}, 404);
  if (record.error) throw await rejection(pb, record);
  return record;
}
