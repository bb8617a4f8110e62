// A collection's service as in the SDK, but one that appends events, and sees no deleted rows.

import { changes } from "./changes.js";
import { refusal } from "./errors.js";
import { at, history } from "./history.js";
import { patiently } from "./outcomes.js";
import { subscribe, withDeleted } from "./subscribe.js";
import { Writer } from "./write.js";

export function collectionWithEvents(state, service) {
  const { pb, targets } = state;
  const writer = new Writer(state, service);
  const find = () => targets.find(service.collectionIdOrName);

  async function attached() {
    const target = await patiently(pb, find);
    if (target) return target;
    throw await refusal(pb, `${service.collectionIdOrName} is not attached to the event log, so it has no history.`);
  }

  // An app may unsubscribe, and subscribe again, while it is still being found out whether the collection is attached.
  let turn = Promise.resolve();
  const inTurn = (step) => (turn = turn.catch(() => {}).then(step));

  return Object.assign(Object.create(service), {
    async create(body, options) {
      const target = await patiently(pb, find, options?.signal);
      if (!target) return service.create(body, options);
      return writer.create(target, options?.body ?? body, options ?? {});
    },

    async update(id, body, options) {
      const target = await patiently(pb, find, options?.signal);
      if (!target) return service.update(id, body, options);
      return writer.update(target, id, options?.body ?? body, options ?? {});
    },

    async delete(id, options) {
      const target = await patiently(pb, find, options?.signal);
      if (!target) return service.delete(id, options);
      return writer.delete(target, id, options ?? {});
    },

    async getList(page = 1, perPage = 30, options = {}) {
      const { deleted, ...rest } = options ?? {};
      if (deleted || !(await find())) return service.getList(page, perPage, rest);
      const own = rest.filter ?? rest.query?.filter ?? rest.params?.filter;
      const filter = own ? `(\n${own}\n) && deleted = false` : "deleted = false"; // a comment ends with its line
      return service.getList(page, perPage, { ...rest, filter });
    },

    async getOne(id, options) {
      const { deleted, ...rest } = options ?? {};
      if (deleted || !id || !(await find())) return service.getOne(id, rest);
      const { fields, unasked } = withDeleted(rest.fields ?? rest.query?.fields);
      const row = await service.getOne(id, fields ? { ...rest, fields } : rest);
      if (row.deleted) throw await refusal(pb, "The requested resource wasn't found.", {}, 404);
      if (unasked) delete row.deleted;
      return row;
    },

    async subscribe(topic, callback, options) {
      const { deleted, ...rest } = options ?? {};
      const target = await inTurn(find);
      if (deleted || !target) return service.subscribe(topic, callback, options && rest);
      return subscribe(service, topic, callback, options && rest);
    },

    async unsubscribe(topic) {
      await inTurn(() => {});
      return service.unsubscribe(topic);
    },

    restore: async (id, options) => writer.restore(await attached(), id, options ?? {}),
    undo: async (what, options) => writer.undo(await attached(), what, options ?? {}),
    history: async (id, options) => history(pb, await attached(), id, options),
    at: async (moment, options) => at(pb, await attached(), moment, options),
    changes: (options) => changes(pb, attached, service, options),
  });
}
