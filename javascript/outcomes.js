// Waiting until the worker has recorded or rejected an event.

import { aborted, mayPass, refusal } from "./errors.js";

const PATIENCE = 60_000; // ms that an event may be pending, or a server in trouble, while PocketBase answers
const LONGEST_PAUSE = 2000; // ms between two looks
const UNTOLD = 250; // ms in which realtime should have told; of events that are recorded with many others, it doesn't
const AT_ONCE = 50; // events that one request asks about
const LINGER = 2000; // ms that realtime stays connected after the last outcome

/** Pause for so many ms, or until the signal aborts. */
export const sleep = (ms, signal) =>
  new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
  });

/** Try until it succeeds or fails for good. A lost connection is waited out, a server in trouble for a minute. */
export async function patiently(pb, attempt, signal) {
  for (let pause = 200, trouble; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    if (signal?.aborted) throw await aborted(pb);
    try {
      return await attempt();
    } catch (error) {
      trouble = error.status ? (trouble ?? Date.now()) : undefined; // since when it has been answering, with trouble
      if (!mayPass(error) || Date.now() - trouble > PATIENCE) throw error;
    }
    await sleep(pause, signal);
  }
}

/** What became of the events of one client. Realtime says it; a timer looks where realtime is silent. */
export class Outcomes {
  #pb;
  #waiting = new Map(); // by the id of an event: a promise of its record, and when the event was appended
  #running = false;
  #ended = 0; // when the last wait ended
  #hears; // whose events realtime tells of
  #wake = () => {};

  constructor(pb) {
    this.#pb = pb;
  }

  /** Begin to wait, before the event is appended. Resolves to its record; to null if the client may not read it. */
  of(id) {
    const known = this.#waiting.get(id);
    if (known) return known.promise;
    const entry = { since: 0 };
    entry.promise = new Promise((resolve, reject) => Object.assign(entry, { resolve, reject }));
    entry.promise.catch(() => {}); // callers that wait for it get the error
    this.#waiting.set(id, entry);
    this.#run();
    return entry.promise;
  }

  /** The event has been appended. Look at once unless realtime is sure to tell. */
  appended(id, look) {
    const entry = this.#waiting.get(id);
    if (entry) entry.since = Date.now();
    if (look || !this.#live) this.#wake(true);
  }

  /** Wait for it no longer. */
  forget(id) {
    if (this.#waiting.delete(id)) this.#ended = Date.now();
    if (!this.#waiting.size) this.#wake();
  }

  get #live() {
    return this.#hears === actorOf(this.#pb) && this.#pb.realtime.isConnected;
  }

  async #run() {
    if (this.#running) return;
    this.#running = true;
    let connecting = true; // till then it goes on: the SDK never calls a listener that comes while it subscribes
    const subscribed = this.#subscribe()
      .catch(() => {})
      .finally(() => (connecting = false));
    for (let pause = 10; ;) {
      const hurry = await new Promise((resolve) => {
        const timer = setTimeout(resolve, this.#live ? Math.max(UNTOLD, pause) : pause);
        this.#wake = (now) => (clearTimeout(timer), resolve(now));
      });
      pause = hurry ? 10 : Math.min(2 * pause, LONGEST_PAUSE);
      const lingers = connecting || (this.#live && Date.now() < this.#ended + LINGER);
      if (!this.#waiting.size && !lingers) break;
      await this.#look().catch(() => {
        for (const entry of this.#waiting.values()) entry.since &&= Date.now(); // time in which nobody could look
      });
    }
    this.#running = false;
    this.#hears = undefined;
    (await subscribed)?.().catch(() => {});
  }

  async #subscribe() {
    const actor = actorOf(this.#pb);
    if (!actor || typeof EventSource === "undefined") return undefined; // Node has none; then the timer has to do
    const filter = this.#pb.filter("actor = {:actor}", { actor });
    const hear = ({ record }) => this.#hear(record);
    const end = await this.#pb.collection("events").subscribe("*", hear, { filter });
    this.#hears = actor;
    this.#wake(true); // what happened before
    return end;
  }

  async #look() {
    const asked = [...this.#waiting].filter(([, { since }]) => since).slice(0, AT_ONCE);
    if (!asked.length) return;
    for (const [id, entry] of asked) (this.#waiting.delete(id), this.#waiting.set(id, entry)); // others first, next time
    const found = await readByIds(
      this.#pb.collection("events"),
      asked.map(([id]) => id),
    );
    found.forEach((record) => this.#hear(record));
    for (const [id, entry] of asked) {
      if (!found.some((record) => record.id === id)) this.#end(id, null);
      else if (this.#waiting.has(id) && Date.now() - entry.since > PATIENCE) this.#end(id, undefined);
    }
  }

  #hear(record) {
    if (record.seq > 0 || record.error) this.#end(record.id, record);
  }

  async #end(id, record) {
    const entry = this.#waiting.get(id);
    this.forget(id);
    if (record !== undefined) return entry?.resolve(record);
    const why = "The event was appended, but no worker has recorded it within a minute. It waits until one runs.";
    entry?.reject(await refusal(this.#pb, why, {}, 503));
  }
}

/** Those of the records that can be read, with one request. */
export async function readByIds(service, ids, options) {
  const filter = ids.map((id) => `id = ${JSON.stringify(id)}`).join(" || ");
  return (await service.getList(1, ids.length, { filter, skipTotal: true, requestKey: null, ...options })).items;
}

/** The id of the client's user; "" for a guest. */
export function actorOf({ authStore: { record, token, isValid } }) {
  if (record?.id || !isValid) return record?.id ?? "";
  return JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"))).id ?? "";
}
