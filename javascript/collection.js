// A collection's service as in the SDK, but one that appends events, and sees no deleted rows.

import { newId, post, rejection } from "./append.js";
import { changesIn, initial, parseKey, plain } from "./body.js";
import { changes } from "./changes.js";
import { mayPass, refusal } from "./errors.js";
import { at, history, undoing } from "./history.js";
import { actorOf, patiently, sleep } from "./outcomes.js";
import { subscribe } from "./subscribe.js";

const SENDING = ["headers", "fetch", "cache", "credentials", "integrity", "keepalive", "mode", "redirect", "referrer"];
const NOT_READING = [
  "body",
  "method",
  "requestKey",
  "$autoCancel",
  "$cancelKey",
  "reason",
  "expectedSeq",
  "from",
  "deleted",
];
const GUEST_PATIENCE = 10_000; // ms that a guest, who can't read events, waits for the row to show what was appended
const UNSEEN_PATIENCE = 2000; // the same for a guest to whom no row shows

/** The SDK's options for reading what was written. */
export function reading(options, signal) {
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
  const first = {
    ...kept,
    fetch: spy,
    signal: options.signal,
    requestKey: off ? null : (options.requestKey ?? options.$cancelKey ?? key),
  };
  let sent = false;
  // The SDK cancels the request before when it sees a key again, so only the first attempt has it.
  const sending = () => (sent ? { ...kept, requestKey: null, signal } : ((sent = true), first));
  return { sending, signal };
}

/** The records of events to append, with what they have in common. */
export function eventsOf(pb, target, itemId, changes, { reason, expectedSeq } = {}) {
  const common = {
    actor: actorOf(pb),
    collection: target.collection,
    item_id: itemId,
    reason,
    expected_seq: expectedSeq,
  };
  return changes.map(([type, data]) => ({ id: newId(), ...common, type, data }));
}

/** Read a row that has just been written; what was sent, if the client may not read it. */
export const readBack = (pb, service, target, id, sent, options) =>
  patiently(pb, () => service.getOne(id, options), options.signal).catch((error) => {
    if (error.status !== 403 && error.status !== 404) throw error;
    return { collectionId: target.id, collectionName: target.collection, ...sent, id };
  });

export function collectionWithEvents({ pb, targets }, service) {
  const find = () => targets.find(service.collectionIdOrName);
  const key = (method, id) => method + service.baseCrudPath + (id ? `/${encodeURIComponent(id)}` : "");

  /** Append the events; resolves to the last once it is recorded. `shows` says whether a row shows it, for guests. */
  async function append(events, { sending, signal }, shows) {
    if (!events.length) return undefined;
    if (events.length > 1) for (const event of events) event.together = events[0].id;
    const record = await pb.events.deliver(events, () => post(pb, events, sending()), signal);
    if (record?.error) {
      targets.forget(); // the fields may have changed
      throw await rejection(pb, record);
    }
    if (!record) await untilShown(events[0], shows, signal);
    return record;
  }

  /** Wait until the row shows what was appended. A guest who sees no row at all may not see any: that has to do. */
  async function untilShown({ actor, item_id: id }, shows, signal) {
    const start = Date.now();
    for (let pause = 20, seen = !!actor; ; pause = Math.min(2 * pause, 500)) {
      const row = await service.getOne(id, { requestKey: null, signal }).catch((error) => error);
      seen ||= !!row.id;
      if (row.status === 403 || shows(row.id ? row : null)) return;
      if (!seen && Date.now() - start > UNSEEN_PATIENCE) return;
      if (actor || Date.now() - start > GUEST_PATIENCE) break;
      await sleep(pause, signal);
    }
    throw await refusal(
      pb,
      "The event was appended, but its outcome can't be read. Sign in, and look at the record.",
      {},
      503,
    );
  }

  async function attached() {
    const target = await patiently(pb, find);
    if (!target)
      throw await refusal(pb, `${service.collectionIdOrName} is not attached to the event log, so it has no history.`);
    return target;
  }

  /** The row as it is; undefined if the client may not read it, or can't at the moment and has a queue to fill. */
  const now = (id, signal) => {
    const read = () => service.getOne(id, { requestKey: null, signal });
    return (pb.events.keeps ? read() : patiently(pb, read, signal)).catch((error) => {
      if (error.status === 403 || error.status === 404 || (pb.events.keeps && mayPass(error))) return undefined;
      throw error;
    });
  };

  return Object.assign(Object.create(service), {
    async create(body, options = {}) {
      const target = await patiently(pb, find, options.signal);
      if (!target) return service.create(body, options);
      const given = plain(options.body ?? body);
      const data = initial(await changesIn(pb, target, given));
      const id = given.id || newId();
      const request = cancellable(options, key("POST"));
      await append(eventsOf(pb, target, id, [["create", data]], options), request, (row) => row);
      return readBack(pb, service, target, id, data, reading(options, request.signal));
    },

    async update(id, body, options = {}) {
      const target = await patiently(pb, find, options.signal);
      if (!target) return service.update(id, body, options);
      const given = plain(options.body ?? body);
      if (given.id && given.id !== id)
        throw await refusal(pb, "The id of a record can't be changed.", {
          id: { code: "validation_not_allowed", message: "The id can't be changed." },
        });
      const request = cancellable(options, key("PATCH", id));
      const wanted = !options.from && (Object.keys(given).length > 1 || !actorOf(pb));
      const before = wanted ? await now(id, request.signal) : options.from;
      const changes = Object.entries(await changesIn(pb, target, given, before));
      const expectedSeq = options.expectedSeq === true ? (options.from ?? given).seq : options.expectedSeq;
      const events = eventsOf(
        pb,
        target,
        id,
        changes.map(([name, value]) => ["update", { [name]: value }]),
        { ...options, expectedSeq },
      );
      await append(
        events,
        request,
        (row) =>
          row &&
          (JSON.stringify(row) !== JSON.stringify(before) || changes.every(([name, value]) => row[name] === value)),
      );
      const sent = Object.fromEntries(changes.filter(([name]) => !parseKey(name).modifier));
      return readBack(pb, service, target, id, sent, reading(options, request.signal));
    },

    async delete(id, options = {}) {
      const target = await patiently(pb, find, options.signal);
      if (!target) return service.delete(id, options);
      await append(
        eventsOf(pb, target, id, [["delete", null]], options),
        cancellable(options, key("DELETE", id)),
        (row) => !row || row.deleted,
      );
      return true;
    },

    async restore(id, options = {}) {
      const target = await attached();
      const request = cancellable(options, key("PATCH", id));
      await append(
        eventsOf(pb, target, id, [["update", { deleted: false }]], options),
        request,
        (row) => row && !row.deleted,
      );
      return readBack(pb, service, target, id, {}, reading(options, request.signal));
    },

    async history(id, options) {
      return history({ pb }, await attached(), id, options);
    },

    async at(moment, options) {
      return at({ pb }, await attached(), moment, options);
    },

    async undo(what, options = {}) {
      const target = await attached();
      const seqs = [what].flat().map((each) => each.seq ?? each);
      const request = cancellable(options, null);
      const { steps, conflicts } = await undoing({ pb }, target, service, seqs, { ...options, signal: request.signal });
      const left = options.force ? [] : conflicts.map(({ seq }) => seq);
      const undone = seqs.filter((seq) => !left.includes(seq)).sort((one, other) => one - other);
      const reason = options.reason ?? `undo of seq ${undone.join(", ")}`;
      const events = steps.flatMap(([id, each]) => eventsOf(pb, target, id, each, { reason }));
      const last = await append(events, request, () => true);
      const appended = events.map(({ id }, place) => ({ id, seq: last ? last.seq - events.length + 1 + place : 0 }));
      return { appended, conflicts };
    },

    changes: (options) => changes(pb, attached, service, options),

    async getList(page = 1, perPage = 30, options = {}) {
      const { deleted, ...rest } = options;
      if (deleted || !(await find())) return service.getList(page, perPage, rest);
      const filter = options.filter ?? options.query?.filter ?? options.params?.filter;
      return service.getList(page, perPage, {
        ...rest,
        filter: filter ? `(\n${filter}\n) && deleted = false` : "deleted = false",
      });
    },

    async getOne(id, options = {}) {
      const { deleted, ...rest } = options;
      if (deleted || !id || !(await find())) return service.getOne(id, rest);
      const { fields, unasked } = withDeleted(options.fields ?? options.query?.fields);
      const row = await service.getOne(id, fields ? { ...rest, fields } : rest);
      if (row.deleted) throw await refusal(pb, "The requested resource wasn't found.", {}, 404);
      if (unasked) delete row.deleted;
      return row;
    },

    async subscribe(topic, callback, options = {}) {
      const { deleted, ...rest } = options;
      if (deleted || !(await find())) return service.subscribe(topic, callback, options && rest);
      return subscribe(service, topic, callback, rest);
    },
  });
}

/** The option `fields` with `deleted`, and whether the caller had not asked for it. */
export function withDeleted(fields) {
  const names = fields?.split(",").map((name) => name.trim());
  const unasked = !!names && !names.includes("*") && !names.includes("deleted");
  return { fields: unasked ? `${fields},deleted` : fields, unasked };
}
