// PocketBase's own record forms and lists, on attached collections: what they write is appended as events.

import { withEvents } from "../index.js";
import { Attached } from "./attached.js";

const OWN = /^(_|events$|event_)/; // collections that are never attached
const OF_FORM = "upsert_load_"; // begins the request key with which a record's form reads the record
const NAMES_DELETED = /\bdeleted\s*\??!?=/; // a filter that chooses between deleted rows and others

/** Let the UI's client append events. Returns the attached collections. */
export function appendEvents(app) {
  const { pb } = app;
  const plain = pb.collection.bind(pb);
  const attached = new Attached(app, () => targets(plain));
  const recording = withEvents(pb).collection;
  const shown = new Map(); // the records that forms have read, by collection and id
  pb.collection = (name) => {
    if (OWN.test(name)) return plain(name);
    return service({ name, plain: plain(name), recording: recording(name), attached, shown });
  };
  return attached;
}

/** The records of event_targets; none if there is no log. */
const targets = (plain) =>
  plain("event_targets")
    .getFullList({ requestKey: null })
    .catch((error) => {
      if (error.status === 404) return [];
      throw error;
    });

function service({ name, plain, recording, attached, shown }) {
  const key = (id) => `${name}/${id}`;
  const isAttached = () => attached.has(name);
  return Object.assign(Object.create(plain), {
    async create(body, options) {
      if (!(await isAttached())) return plain.create(body, options);
      return announce("create", await recording.create(body, options));
    },

    async update(id, body, options) {
      if (!(await isAttached())) return plain.update(id, body, options);
      const record = await recording.update(id, body, { from: shown.get(key(id)), ...options });
      if (shown.has(key(id))) shown.set(key(id), record);
      return announce("update", record);
    },

    async delete(id, options) {
      if (!(await isAttached())) return plain.delete(id, options);
      await recording.delete(id, options);
      announce("delete", { id, collectionId: name, collectionName: name });
      return true;
    },

    async getOne(id, options) {
      const record = await plain.getOne(id, options);
      if (options?.requestKey?.startsWith?.(OF_FORM)) shown.set(key(id), record);
      return record;
    },

    async getList(page, perPage, options) {
      const shows = NAMES_DELETED.test(options?.filter ?? "") || !(await isAttached());
      return (shows ? plain : recording).getList(page, perPage, options);
    },
  });
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
