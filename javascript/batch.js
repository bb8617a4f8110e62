// A batch as in the SDK, in which whatever concerns attached collections is one group of events.

import { deliver } from "./append.js";
import { blame, isHidden, refusal } from "./errors.js";
import { patiently, readByIds } from "./outcomes.js";
import { cancellable } from "./send.js";
import { append, callOf, changeOf, readBack } from "./write.js";

const READ_AT_ONCE = 100; // rows that one request reads back
const METHODS = ["create", "update", "delete", "upsert"];
const FAILED = { code: "batch_request_failed", message: "Batch request failed." };

export function batchWithEvents(state, createBatch) {
  const calls = []; // in order: [name of the collection, method, arguments]
  const note =
    (name, method) =>
    (...given) =>
      void calls.push([name, method, given]);
  const collection = (name) => Object.fromEntries(METHODS.map((method) => [method, note(name, method)]));
  return Object.assign(createBatch(), { collection, send: (options = {}) => send(state, createBatch, calls, options) });
}

async function send(state, createBatch, calls, { reason, ...options }) {
  const { pb } = state;
  const steps = [];
  for (const call of calls) steps.push(await patiently(pb, () => step(state, call, steps), options.signal));
  const changes = steps.filter(({ events }) => events);
  const attempt = (given) => {
    const batch = createBatch();
    for (const { events, name, method, given: args } of steps) {
      if (events) events.forEach((event) => batch.collection("events").create(event));
      else batch.collection(name)[method](...args);
    }
    return batch.send(given);
  };
  if (!changes.length) return attempt(options);
  for (const event of changes.flatMap(({ events }) => events)) event.reason ??= reason;
  const request = cancellable(options, "POST/api/batch");
  let answers = [];
  const sending = async () => (answers = await attempt(request.sending()));
  const whole = changes.length === steps.length; // anything else is not kept in the queue
  const direct = whole ? undefined : (...given) => deliver(pb, ...given);
  const isEmpty = !changes.some(({ events }) => events.length); // nothing of it changes
  const outcome = isEmpty ? !whole && sending() : append(state, changes, request, sending, direct);
  const record = await Promise.resolve(outcome).catch((error) => {
    throw translated(error, steps);
  });
  if (record?.error) throw await rejected(pb, record, steps);
  return results(state, steps, answers, request.signal);
}

/** One call as events; as it is, if its collection is not attached. */
async function step({ pb, targets, collection }, [name, method, given], before) {
  const target = await targets.find(name);
  if (!target) return { name, method, given };
  const service = collection(name);
  const call = callOf(method, given);
  const { id } = call.body;
  const isMade = before.some((each) => each.service === service && each.id === id && each.type === "create");
  const isThere = method === "upsert" && id && (isMade || (await exists(service, id)));
  const type = method === "upsert" ? (isThere ? "update" : "create") : method;
  const compares = "collectionId" in call.body; // a record that is sent back: what is new in it?
  return changeOf(pb, { service, target }, type, isThere ? { ...call, id } : call, compares);
}

const exists = (service, id) =>
  service.getOne(id, { requestKey: null, fields: "id" }).then(
    () => true,
    (error) => (isHidden(error) ? false : Promise.reject(error)),
  );

/** What PocketBase's answer to the batch would have been. */
async function results(state, steps, answers, signal) {
  const rows = await readTogether(state.pb, steps, signal);
  let place = 0;
  const found = [];
  for (const each of steps) {
    const answer = answers[place]; // none if an earlier attempt had arrived
    place += each.events?.length ?? 1;
    if (!each.events) found.push(answer);
    else if (each.type === "delete") found.push({ status: 204, body: null });
    else found.push({ status: 200, body: rows.get(each) ?? (await readBack(state, each, signal)) });
  }
  return found;
}

/** The rows of steps without options of their own, read with few requests. */
async function readTogether(pb, steps, signal) {
  const rows = new Map();
  const simple = steps.filter((each) => each.events && each.type !== "delete" && !Object.keys(each.options).length);
  for (const service of new Set(simple.map((each) => each.service))) {
    const those = simple.filter((each) => each.service === service);
    for (let start = 0; start < those.length; start += READ_AT_ONCE) {
      const some = those.slice(start, start + READ_AT_ONCE);
      const read = () =>
        readByIds(
          service,
          some.map(({ id }) => id),
          { signal },
        );
      const items = await patiently(pb, read, signal).catch(() => []);
      for (const each of some) {
        const row = items.find(({ id }) => id === each.id);
        if (row) rows.set(each, row);
      }
    }
  }
  return rows;
}

/** A rejection, as PocketBase tells of the request that made a batch fail. */
function rejected(pb, record, steps) {
  const { culprit, message, data } = blame(record);
  const place = steps.findIndex(({ events }) => events?.some(({ id }) => id === culprit));
  const response = { status: 400, message, data };
  return refusal(pb, message, { requests: { [Math.max(0, place)]: { ...FAILED, response } } });
}

/** An error of the batch that was sent, with the place of the request that failed in the caller's batch. */
function translated(error, steps) {
  const requests = Object.entries(error.response?.data?.requests ?? {});
  const places = steps.flatMap(({ events }, place) => (events ?? [place]).map(() => place));
  const moved = requests.map(([place, why]) => [places[place], why]);
  if (moved.length) error.response.data.requests = Object.fromEntries(moved);
  return error;
}
