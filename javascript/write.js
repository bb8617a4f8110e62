// Writing the rows of an attached collection: each write is one event, or a group, and waits until it is recorded.

import { newId, post, rejection } from "./append.js";
import { changesIn, initial, parseKey, plain } from "./body.js";
import { mayPass, refusal } from "./errors.js";
import { undoing } from "./history.js";
import { actorOf, patiently, sleep } from "./outcomes.js";
import { cancellable, eventsOf, readBack, reading } from "./send.js";

const GUEST_PATIENCE = 10_000; // ms that a guest, who can't read events, waits for the row to show what was appended
const UNSEEN_PATIENCE = 2000; // the same for a guest to whom no row shows

export class Writer {
  #pb;
  #targets;
  #service;

  constructor({ pb, targets }, service) {
    this.#pb = pb;
    this.#targets = targets;
    this.#service = service;
  }

  async create(target, body, options) {
    const given = plain(body);
    const data = initial(await changesIn(this.#pb, target, given, {}));
    const id = given.id || newId();
    const request = cancellable(options, this.#key("POST"));
    await this.#append(eventsOf(this.#pb, target, id, [["create", data]], options), request, (row) => row);
    return this.#readBack(target, id, data, options, request);
  }

  async update(target, id, body, options) {
    const given = plain(body);
    if (given.id && given.id !== id) throw await this.#otherId();
    const request = cancellable(options, this.#key("PATCH", id));
    const compares = Object.keys(given).length > 1 || !actorOf(this.#pb);
    const before = options.from ?? (compares ? await this.#now(id, request.signal) : undefined);
    const changes = Object.entries(await changesIn(this.#pb, target, given, before));
    const expectedSeq = options.expectedSeq === true ? (options.from ?? given).seq : options.expectedSeq;
    const steps = changes.map(([key, value]) => ["update", { [key]: value }]);
    const differs = (row) => JSON.stringify(row) !== JSON.stringify(before);
    const shows = (row) => row && (differs(row) || changes.every(([key, value]) => row[key] === value));
    await this.#append(eventsOf(this.#pb, target, id, steps, { ...options, expectedSeq }), request, shows);
    const sent = Object.fromEntries(changes.filter(([key]) => !parseKey(key).modifier));
    return this.#readBack(target, id, sent, options, request);
  }

  async delete(target, id, options) {
    const events = eventsOf(this.#pb, target, id, [["delete", null]], options);
    await this.#append(events, cancellable(options, this.#key("DELETE", id)), (row) => !row || row.deleted);
    return true;
  }

  async restore(target, id, options) {
    const request = cancellable(options, this.#key("PATCH", id));
    const events = eventsOf(this.#pb, target, id, [["update", { deleted: false }]], options);
    await this.#append(events, request, (row) => row && !row.deleted);
    return this.#readBack(target, id, {}, options, request);
  }

  /** Take back events, given as what `history` tells or as seqs, by one group. */
  async undo(target, what, options) {
    const seqs = [what].flat().map((each) => each.seq ?? each);
    const request = cancellable(options, null);
    const given = { force: options.force, signal: request.signal };
    const { steps, conflicts } = await undoing(this.#pb, target, this.#service, seqs, given);
    const left = options.force ? [] : conflicts.map(({ seq }) => seq);
    const undone = seqs.filter((seq) => !left.includes(seq)).sort((one, other) => one - other);
    const reason = options.reason ?? `undo of seq ${undone.join(", ")}`;
    const events = steps.flatMap(([id, each]) => eventsOf(this.#pb, target, id, each, { reason }));
    const last = await this.#append(events, request, () => true);
    const appended = events.map(({ id }, place) => ({ id, seq: last ? last.seq - events.length + 1 + place : 0 }));
    return { appended, conflicts };
  }

  #key = (method, id) => method + this.#service.baseCrudPath + (id ? `/${encodeURIComponent(id)}` : "");

  #readBack = (target, id, sent, options, { signal }) =>
    readBack(this.#pb, this.#service, target, id, sent, reading(options, signal));

  #otherId() {
    const why = "The id of a record can't be changed.";
    return refusal(this.#pb, why, { id: { code: "validation_not_allowed", message: why } });
  }

  /** Append the events; resolves to the last once it is recorded. `shows` says whether a row shows it, for guests. */
  async #append(events, { sending, signal }, shows) {
    if (!events.length) return undefined;
    if (events.length > 1) for (const event of events) event.together = events[0].id;
    const send = () => post(this.#pb, events, sending());
    const record = await this.#pb.events.deliver(events, send, signal).catch((error) => this.#refused(error));
    if (record?.error) {
      this.#targets.forget(); // the fields may have changed
      throw await rejection(this.#pb, record);
    }
    if (!record) await this.#untilShown(events[0], shows, signal);
    return record;
  }

  /** Why the append was refused: the rule, unless the collection is not attached any more. */
  async #refused(error) {
    if (error.status === 400 || error.status === 403) {
      this.#targets.forget();
      await this.#targets.find(this.#service.collectionIdOrName);
    }
    throw error;
  }

  /** Wait until the row shows what was appended. A guest who sees no row at all may not see any: that has to do. */
  async #untilShown({ actor, item_id: id }, shows, signal) {
    const start = Date.now();
    for (let pause = 20, seen = !!actor; ; pause = Math.min(2 * pause, 500)) {
      const row = await this.#service.getOne(id, { requestKey: null, signal }).catch((error) => error);
      seen ||= !!row.id;
      if (row.status === 403 || shows(row.id ? row : null)) return;
      if (!seen && Date.now() - start > UNSEEN_PATIENCE) return;
      if (actor || Date.now() - start > GUEST_PATIENCE) break;
      await sleep(pause, signal);
    }
    const why = "The event was appended, but its outcome can't be read. Sign in, and look at the record.";
    throw await refusal(this.#pb, why, {}, 503);
  }

  /** The row as it is; undefined if the client may not read it, or can't at the moment and has a queue to fill. */
  async #now(id, signal) {
    const { keeps } = this.#pb.events;
    const read = () => this.#service.getOne(id, { requestKey: null, signal });
    return (keeps ? read() : patiently(this.#pb, read, signal)).catch((error) => {
      if (error.status === 403 || error.status === 404 || (keeps && mayPass(error))) return undefined;
      throw error;
    });
  }
}
