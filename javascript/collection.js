// A collection's service as in the SDK, but one that appends events, and sees no deleted rows.

import { notFound, refusal } from "./errors.js";
import { at, history } from "./history.js";
import { changes } from "./live.js";
import { patiently } from "./outcomes.js";
import { hiding, subscribe } from "./read.js";
import { undo, write } from "./write.js";

export function collectionWithEvents(state, service) {
  const { pb, targets } = state;
  const name = service.collectionIdOrName;
  const find = (signal) => patiently(pb, () => targets.find(name), signal);

  async function attached() {
    const target = await find();
    if (target) return target;
    throw await refusal(pb, `${name} is not attached to the event log, so it has no history.`);
  }

  const writing =
    (method, options) =>
    async (...given) => {
      const target = await find(given[options]?.signal);
      return target ? write(state, { service, target }, method, given) : service[method](...given);
    };

  // An app may unsubscribe, and subscribe again, while it is still being found out whether the collection is attached.
  let turn = Promise.resolve();
  const inTurn = (step) => (turn = turn.catch(() => {}).then(step));

  return Object.assign(Object.create(service), {
    create: writing("create", 1),
    update: writing("update", 2),
    delete: writing("delete", 1),

    async getList(page = 1, perPage = 30, given) {
      const target = await targets.find(name);
      const { options, show } = await hiding(targets, given ?? {}, false);
      if (target && !given?.deleted) {
        const own = options.filter ?? options.query?.filter ?? options.params?.filter;
        options.filter = own ? `(\n${own}\n) && deleted = false` : "deleted = false"; // a comment ends with its line
      }
      const found = await service.getList(page, perPage, options);
      found.items.forEach((row) => show(row));
      return found;
    },

    async getOne(id, given) {
      const own = !!id && !!(await targets.find(name));
      const { options, show } = await hiding(targets, given ?? {}, own);
      const row = await service.getOne(id, options);
      if (own && row.deleted && !given?.deleted) throw await notFound(pb);
      return show(row);
    },

    async subscribe(topic, callback, given) {
      const seen = await inTurn(async () => {
        const own = !!(await targets.find(name)) && !given?.deleted;
        return { own, ...(await hiding(targets, given ?? {}, own)) };
      });
      return subscribe(service, topic, callback, given && seen.options, seen);
    },

    async unsubscribe(topic) {
      await inTurn(() => {});
      return service.unsubscribe(topic);
    },

    restore: async (...given) => write(state, { service, target: await attached() }, "restore", given),
    undo: async (what, options) => undo(state, { service, target: await attached() }, what, options ?? {}),
    history: async (id, options) => history(pb, await attached(), id, options),
    at: async (moment, options) => at(pb, await attached(), moment, options),
    changes: (options) => changes(pb, attached, service, options),
  });
}
