// From one call of an app to events that are sent, and to what the SDK would have answered.

import { newId } from "./append.js";
import { actorOf, patiently } from "./outcomes.js";

const SENDING = ["headers", "fetch", "cache", "credentials", "integrity", "keepalive", "mode", "redirect", "referrer"];
const NOT_READING = ["body", "method", "requestKey", "$autoCancel", "$cancelKey", "reason", "expectedSeq", "from"];

/** The SDK's options for reading what was written. */
export function reading({ deleted, ...options }, signal) {
  const left = Object.entries(options).filter(([name]) => !NOT_READING.includes(name));
  return { ...Object.fromEntries(left), requestKey: null, signal };
}

/** What the SDK needs to send events as it would send the caller's own request, and to cancel it in the same cases. */
export function cancellable(options, key) {
  const controller = new AbortController();
  const { signal } = controller;
  const kept = Object.fromEntries(SENDING.filter((name) => name in options).map((name) => [name, options[name]]));
  const spy = (url, config) => {
    config.signal?.addEventListener("abort", () => controller.abort());
    return (kept.fetch ?? fetch)(url, config);
  };
  const off = options.requestKey === null || options.$autoCancel === false;
  const requestKey = off ? null : (options.requestKey ?? options.$cancelKey ?? key);
  let sent = false;
  // The SDK cancels the request before when it sees a key again, so only the first attempt has it.
  const sending = () => {
    if (sent) return { ...kept, requestKey: null, signal };
    sent = true;
    return { ...kept, fetch: spy, signal: options.signal, requestKey };
  };
  return { sending, signal };
}

/** The records of events to append about one item, `[type, data]` each. */
export function eventsOf(pb, { collection }, itemId, steps, { reason, expectedSeq } = {}) {
  const common = { actor: actorOf(pb), collection, item_id: itemId, reason, expected_seq: expectedSeq };
  return steps.map(([type, data]) => ({ id: newId(), ...common, type, data }));
}

/** Read a row that has just been written; what was sent, if the client may not read it. */
export const readBack = (pb, service, target, id, sent, options) =>
  patiently(pb, () => service.getOne(id, options), options.signal).catch((error) => {
    if (error.status !== 403 && error.status !== 404) throw error;
    return { collectionId: target.id, collectionName: target.collection, ...sent, id };
  });
