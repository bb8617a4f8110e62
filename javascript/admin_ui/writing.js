// The client of PocketBase's own forms and lists: what they write to attached collections is appended as events.

import { newId, withEvents } from "../index.js";
import { Attached } from "./attached.js";

const OWN = /^(_|events$|event_)/; // collections that are never attached
const OF_FORM = "upsert_load_"; // begins the request key with which a record's form reads the record
const PATIENCE = 10_000; // ms until a form says that no worker records what it has appended
const NO_WORKER =
  "It is appended, but no worker has recorded it yet, so it does not show. It waits in Events until a worker runs.";
const WAITING = { requestKey: null }; // a write that waits is not cancelled by the next one
const NAMES_DELETED = /\bdeleted\s*\??!?=/; // a filter that chooses between deleted rows and others

/**
 * Let the UI's client append events. Returns which collections are `attached`, and the `forms` that are open, by
 * collection and id: what each has read, and the reason that the superuser gives in it.
 */
export function appendEvents(app) {
  const { pb } = app;
  const plain = pb.collection.bind(pb);
  const attached = new Attached(app, () => targets(plain));
  const recording = withEvents(pb).collection;
  const forms = new Map();
  pb.collection = (name) => {
    if (OWN.test(name)) return plain(name);
    return service({ name, plain: plain(name), recording: recording(name), attached, forms });
  };
  return { attached, forms };
}

export const keyOf = (collection, id) => `${collection}/${id}`;

/** The records of event_targets; none if there is no log. */
const targets = (plain) =>
  plain("event_targets")
    .getFullList({ requestKey: null })
    .catch((error) => {
      if (error.status === 404) return [];
      throw error;
    });

function service({ name, plain, recording, attached, forms }) {
  const isAttached = () => attached.has(name);
  const write = async (byEvents, plainly) => {
    if (await isAttached()) return byEvents();
    try {
      return await plainly();
    } catch (error) {
      attached.forget();
      if (await isAttached()) return byEvents(); // it has been attached since
      throw error;
    }
  };
  const formOf = (id) => forms.get(keyOf(name, id));
  const reasonOf = (form) => form?.shown.reason || undefined;
  return Object.assign(Object.create(recording), {
    create: (body, options) =>
      write(
        () => {
          const form = formOf("");
          const id = body.id || (form && (form.newId ??= newId())); // so that nothing is created twice if this waits
          const given = { reason: reasonOf(form), ...WAITING, ...options };
          return soon(recording.create({ ...body, id }, given).then((record) => announce("create", record)));
        },
        () => plain.create(body, options),
      ),

    update: (id, body, options) =>
      write(
        async () => {
          const form = formOf(id);
          const given = { from: form?.from, reason: reasonOf(form), ...WAITING, ...options };
          const record = await soon(recording.update(id, body, given).then((row) => announce("update", row)));
          if (form) form.from = record;
          return record;
        },
        () => plain.update(id, body, options),
      ),

    delete: (id, options) =>
      write(
        () => {
          const given = { reason: reasonOf(formOf(id)), ...WAITING, ...options };
          const minimal = { id, collectionId: name, collectionName: name }; // as the UI's own client tells it
          return soon(recording.delete(id, given).then(() => !!announce("delete", minimal)));
        },
        () => plain.delete(id, options),
      ),

    async getOne(id, options) {
      const record = await plain.getOne(id, options);
      const form = options?.requestKey?.startsWith?.(OF_FORM) && formOf(id);
      if (form) {
        form.from = record;
        form.shown.deleted = !!record.deleted;
      }
      return record;
    },

    async getList(page, perPage, options) {
      const shows = NAMES_DELETED.test(options?.filter ?? "") || !(await isAttached());
      return (shows ? plain : recording).getList(page, perPage, options);
    },
  });
}

/** What a write resolves to; an error if no worker records it soon. It goes on; lists show it once it is recorded. */
export function soon(writing) {
  writing.catch(() => {});
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(NO_WORKER)), PATIENCE)));
  return Promise.race([writing, late]).finally(() => clearTimeout(timer));
}

/** Tell the UI's lists, as its own client does. */
export function announce(what, record) {
  const raise = (type) => document.dispatchEvent(new CustomEvent(`record:${type}`, { detail: record }));
  setTimeout(() => {
    raise(what);
    if (what !== "delete") raise("save");
  }, 0);
  return record;
}
