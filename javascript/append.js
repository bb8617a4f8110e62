// Appending events: each is received once, however often it has to be sent.

import { aborted, mayPass, refusal, rejection } from "./errors.js";
import { formOf } from "./files.js";
import { actorOf, Outcomes, patiently } from "./outcomes.js";

const EVENTS = "/api/collections/events/records";
const outcomes = new WeakMap(); // of each client

/** A new id, for an event or for an item. */
export const newId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(15)), (byte) => (byte % 36).toString(36)).join("");

/** Send one event, or several in one batch request. The options are those of the SDK's `send`. */
export function post(pb, events, options) {
  const method = "POST";
  if (events.length === 1) return pb.send(EVENTS, { ...options, method, body: events[0] });
  const requests = events.map((body) => ({ method, url: EVENTS, body }));
  const body = events.some(({ files }) => files?.length) ? formOf(requests) : { requests };
  return pb.send("/api/batch", { ...options, method, body });
}

/**
 * Append events and wait for the outcome of the last, which is that of all if they are a group. `send` makes one
 * attempt to send them. Resolves to the event's record, or to null if the client may not read it; throws if PocketBase
 * refuses the append. `inTurn` may delay the sending until others are through.
 */
export async function deliver(pb, events, send, signal, inTurn = (sending) => sending()) {
  if (!outcomes.has(pb)) outcomes.set(pb, new Outcomes(pb));
  const waiting = outcomes.get(pb);
  const { id } = events.at(-1);
  const outcome = waiting.of(id);
  try {
    waiting.appended(id, await inTurn(() => sent(pb, id, send, signal)));
  } catch (error) {
    waiting.forget(id);
    throw error;
  }
  return signal ? orAborted(pb, outcome, signal) : outcome;
}

/**
 * Send until it has arrived. A lost connection is waited out: events have ids, so sending them again is harmless.
 * Resolves to whether an attempt failed, after which the outcome may have been missed.
 */
export async function sent(pb, id, send, signal) {
  let doubt = false;
  const attempt = () =>
    send().catch(async (error) => {
      doubt = true;
      if (mayPass(error) || error.isAbort || !(await arrived(pb, id))) throw error;
    });
  await patiently(pb, attempt, signal);
  return doubt;
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

function orAborted(pb, promise, signal) {
  return new Promise((resolve, reject) => {
    const abort = async () => reject(await aborted(pb));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
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
