// A batch as in the SDK, in which whatever concerns attached collections is one group of events.

import { deliver, newId } from "./append.js";
import { changesIn, initial, plain } from "./body.js";
import { cancellable, eventsOf, readBack, reading } from "./send.js";
import { blame, fieldsIn, refusal } from "./errors.js";
import { patiently } from "./outcomes.js";

const READ_AT_ONCE = 50; // rows that one request reads back

export function batchWithEvents(state, createBatch) {
  const calls = []; // what to do, in order: [name of the collection, method, arguments]
  const collection = (name) => {
    const note =
      (method) =>
      (...given) =>
        void calls.push([name, method, given]);
    return Object.fromEntries(["create", "update", "delete", "upsert"].map((method) => [method, note(method)]));
  };
  return Object.assign(createBatch(), { collection, send: (options = {}) => send(state, createBatch, calls, options) });
}

async function send(state, createBatch, calls, options) {
  const { pb, targets } = state;
  const steps = [];
  for (const call of calls) steps.push(await patiently(pb, () => step(state, call, steps), options.signal));
  const events = steps.flatMap((each) => each.events ?? []);
  for (const event of events) Object.assign(event, { together: events[0].id, reason: event.reason ?? options.reason });
  const { reason, ...plainOptions } = options;
  const attempt = (given) => {
    const batch = createBatch();
    for (const { events: ours, name, method, given: args } of steps) {
      if (ours) ours.forEach((event) => batch.collection("events").create(event));
      else batch.collection(name)[method](...args);
    }
    return batch.send(given);
  };
  if (!events.length) return attempt(plainOptions);
  const request = cancellable(options, "POST/api/batch");
  let answers = [];
  const whole = steps.every((each) => each.events); // anything else is not kept in the queue
  const sending = async () => (answers = await attempt(request.sending()));
  const delivering = whole
    ? pb.events.deliver(events, sending, request.signal)
    : deliver(pb, events, sending, request.signal);
  const record = await delivering.catch((error) => {
    throw translated(error, steps);
  });
  if (record?.error) {
    targets.forget();
    throw await rejected(pb, record, steps);
  }
  return results(state, steps, answers, request.signal);
}

/** One call as events; as it is, if its collection is not attached. */
async function step({ pb, targets, collection }, [name, method, given], before) {
  const target = await targets.find(name);
  if (!target) return { name, method, given };
  const service = collection(name);
  const [id, body, options = {}] =
    method === "delete" ? [given[0], {}, given[1]] : method === "update" ? given : ["", ...given];
  const values = plain(options.body ?? body);
  const itemId = id || values.id || newId();
  const isMade = () =>
    before.some((each) => each.service === service && each.itemId === itemId && each.type === "create");
  const isThere =
    method === "update" || (method === "upsert" && values.id && (isMade() || (await exists(service, itemId))));
  const isWhole = isThere && !options.from && "collectionId" in values; // a record that is sent back: what is new in it?
  const now = isWhole ? await service.getOne(itemId, { requestKey: null }) : options.from;
  const changes = method === "delete" ? null : await changesIn(pb, target, values, isThere ? now : {});
  const expectedSeq = options.expectedSeq === true ? (options.from ?? values).seq : options.expectedSeq;
  const type = method === "delete" ? "delete" : isThere ? "update" : "create";
  const said =
    type === "update"
      ? Object.entries(changes).map(([key, value]) => ["update", { [key]: value }])
      : [[type, changes && initial(changes)]];
  return {
    target,
    service,
    itemId,
    type,
    sent: changes,
    options,
    events: eventsOf(pb, target, itemId, said, { ...options, expectedSeq }),
  };
}

const exists = (service, id) =>
  service.getOne(id, { requestKey: null, fields: "id" }).then(
    () => true,
    (error) => {
      if (error.status !== 404) throw error;
      return false;
    },
  );

/** What PocketBase's answer to the batch would have been. */
async function results({ pb }, steps, answers, signal) {
  const rows = await readTogether(pb, steps, signal);
  let place = 0;
  const found = [];
  for (const each of steps) {
    const answer = answers[place]; // none if an earlier attempt had arrived
    place += each.events ? each.events.length : 1;
    if (!each.events) found.push(answer);
    else if (each.type === "delete") found.push({ status: 204, body: null });
    else {
      const { service, target, itemId, sent, options } = each;
      const body = rows.get(each) ?? (await readBack(pb, service, target, itemId, sent, reading(options, signal)));
      found.push({ status: 200, body });
    }
  }
  return found;
}

/** The rows of steps without options of their own, read with few requests. */
async function readTogether(pb, steps, signal) {
  const rows = new Map();
  const simple = steps.filter(
    ({ events, type, options }) => events && type !== "delete" && !Object.keys(options).length,
  );
  for (const service of new Set(simple.map((each) => each.service))) {
    const those = simple.filter((each) => each.service === service);
    for (let start = 0; start < those.length; start += READ_AT_ONCE) {
      const some = those.slice(start, start + READ_AT_ONCE);
      const filter = some.map(({ itemId }) => pb.filter("id = {:itemId}", { itemId })).join(" || ");
      const read = () => service.getList(1, READ_AT_ONCE, { filter, skipTotal: true, requestKey: null, signal });
      const { items } = await patiently(pb, read, signal).catch(() => ({ items: [] }));
      for (const each of some) {
        const row = items.find(({ id }) => id === each.itemId);
        if (row) rows.set(each, row);
      }
    }
  }
  return rows;
}

const FAILED = { code: "batch_request_failed", message: "Batch request failed." };

async function rejected(pb, { id, error }, steps) {
  const { id: culprit, sentence } = blame(id, error);
  const place = steps.findIndex(({ events }) => events?.some((event) => event.id === culprit));
  const response = { status: 400, message: sentence, data: fieldsIn(sentence) };
  return refusal(pb, sentence, { requests: { [Math.max(0, place)]: { ...FAILED, response } } });
}

/** An error of the batch that was sent, with the place of the request that failed in the caller's batch. */
function translated(error, steps) {
  const requests = error.response?.data?.requests;
  if (!requests) return error;
  const places = steps.flatMap(({ events }, place) => (events ?? [place]).map(() => place));
  error.response.data.requests = Object.fromEntries(
    Object.entries(requests).map(([place, why]) => [places[place], why]),
  );
  return error;
}
