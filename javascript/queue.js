// What was written and is not recorded yet, kept in a storage, so that it survives a reload. Windows may share it.

import { deliver, post, sent } from "./append.js";
import { mayPass, rejection } from "./errors.js";
import { actorOf } from "./outcomes.js";

const KEY = "pocketbase-events";
const PATIENCE = 2000; // ms that a window leaves to another one, which may have been put to sleep

const idOf = ({ events: [first] }) => first.id;
const locks = () => globalThis.navigator?.locks; // not over plain HTTP
const held = (id, action) => (locks() ? locks().request(`${KEY} ${id}`, action) : Promise.resolve().then(action));
const isBy = (writer, { events: [{ actor }] }) => actor === writer;

/** `pb.events`: sends what is written in order, and dispatches `rejected` for what an earlier page had written. */
export class Queue extends EventTarget {
  #pb;
  #storage;
  #turn = Promise.resolve();
  #own = new Map(); // what this page is delivering, by the id of the first event
  #waiting = new Set(); // what it will deliver if the window that wrote it is closed

  constructor(pb, storage) {
    super();
    this.#pb = pb;
    this.#storage = storage;
    if (!storage) return;
    pb.authStore.onChange(() => this.#adopt());
    globalThis.addEventListener?.("storage", ({ key }) => key === KEY && this.#adoptLater());
    this.#adopt();
  }

  /** How many events wait to be recorded, those of earlier pages and of other users included. */
  get queued() {
    return this.#stored().flatMap(({ events }) => events).length;
  }

  /** Whether there is a storage. */
  get keeps() {
    return !!this.#storage;
  }

  /** As `deliver` of append.js does, in turn, and kept until the outcome is known. */
  async deliver(events, send, signal) {
    if (!this.#storage) return deliver(this.#pb, events, send, signal);
    const group = { events };
    if (events.some(({ files }) => files?.length))
      // which no storage of texts can keep
      return deliver(this.#pb, events, send, signal, (sending) => this.#inTurn(idOf(group), sending));
    const delivery = held(idOf(group), () => this.#deliver(group, send, signal));
    this.#own.set(idOf(group), group);
    this.#store(this.#stored());
    return delivery;
  }

  async #deliver(group, send, signal) {
    const id = idOf(group);
    const attempt = async () => this.#isSent(id) || send(); // another window may be faster
    let done = true;
    try {
      return await deliver(this.#pb, group.events, attempt, signal, (sending) => this.#inTurn(id, sending));
    } catch (error) {
      done = this.#isFinal(error, group);
      throw error;
    } finally {
      this.#own.delete(id);
      this.#store(this.#stored().filter((each) => !done || idOf(each) !== id));
      this.#adoptLater();
    }
  }

  /** Send what was written before, then this. Resolves to whether the outcome may have been missed. */
  async #send(id, sending) {
    if (this.#isSent(id)) return true;
    for (const group of this.#stored()) {
      if (idOf(group) === id) break;
      if (group.sent || !isBy(actorOf(this.#pb), group)) continue;
      await sent(this.#pb, group.events.at(-1).id, () => this.#post(group)).then(
        () => this.#markSent(idOf(group)),
        (error) => mayPass(error) && Promise.reject(error), // what is refused is left to the window that wrote it
      );
    }
    const doubt = await sending();
    this.#markSent(id);
    return doubt;
  }

  /** Deliver what earlier pages of this user have left, and what another window is delivering if that is closed. */
  #adopt() {
    const actor = actorOf(this.#pb);
    if (actor && !this.#pb.authStore.isValid) return;
    for (const group of this.#stored()) {
      const id = idOf(group);
      if (!isBy(actor, group) || this.#own.has(id) || this.#waiting.has(id)) continue;
      this.#waiting.add(id);
      held(id, () => this.#deliverLeft(id))
        .catch((error) => this.#isFinal(error, group) && this.#reject(error, group))
        .finally(() => this.#waiting.delete(id));
    }
  }

  /** Another window has written something, whose lock will tell when that window is closed: let it take the lock first. */
  #adoptLater() {
    if (locks()) setTimeout(() => this.#adopt(), PATIENCE);
  }

  async #deliverLeft(id) {
    const group = this.#stored().find((each) => idOf(each) === id);
    if (!group) return; // it was delivered meanwhile
    this.#own.set(id, group);
    const record = await this.#deliver(group, () => this.#post(group));
    if (record?.error) throw await rejection(this.#pb, record);
  }

  #reject(error, { events }) {
    this.dispatchEvent(new CustomEvent("rejected", { detail: { error, events } }));
  }

  #post = ({ events }) => post(this.#pb, events, { requestKey: null });

  /** Whether to forget the events: the reason is neither trouble nor an expired session. */
  #isFinal(error, group) {
    return !mayPass(error) && (isBy("", group) || this.#pb.authStore.isValid);
  }

  /** Send when it is this page's turn. Where windows have no locks in common, ids keep events from doubling. */
  #inTurn(id, sending) {
    const turn = this.#turn.then(() => {
      const send = () => this.#send(id, sending);
      if (!locks()) return send();
      return new Promise((resolve, reject) => {
        const run = () => send().then(resolve, reject);
        locks()
          .request(KEY, { signal: AbortSignal.timeout(PATIENCE) }, run)
          .catch(run);
      });
    });
    this.#turn = turn.catch(() => {});
    return turn;
  }

  #isSent(id) {
    return this.#stored().some((group) => idOf(group) === id && group.sent);
  }

  #markSent(id) {
    this.#store(this.#stored().map((group) => (idOf(group) === id ? { ...group, sent: true } : group)));
  }

  #stored() {
    return JSON.parse(this.#storage?.getItem(KEY) ?? "[]");
  }

  /** Store these and what this page is delivering, which another window may have overwritten. */
  #store(groups) {
    const lost = [...this.#own.values()].filter((own) => !groups.some((group) => idOf(group) === idOf(own)));
    const all = [...groups, ...lost];
    try {
      if (all.length) this.#storage.setItem(KEY, JSON.stringify(all));
      else this.#storage.removeItem(KEY);
    } catch {
      // The storage is full, or closed: then they are sent all the same, and a reload would lose them.
    }
  }
}
