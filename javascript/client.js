// The client of PocketBase's SDK, with events.

import { batchWithEvents } from "./batch.js";
import { collectionWithEvents } from "./collection.js";
import { Queue } from "./queue.js";
import { Targets } from "./targets.js";

const OWN = /^(_|events$|event_)/; // collections that are never attached

/**
 * Make a client append events instead of writing the rows of attached collections. It is the same client, and
 * everything else stays as it was. `collections` names those that are attached; a signed-in client finds them itself.
 * `queue`, such as window.localStorage, keeps what was not sent across reloads.
 */
export function withEvents(pb, { collections = [], queue } = {}) {
  if (pb.events) return pb;
  const state = { pb, targets: new Targets(pb, collections, queue), collection: pb.collection.bind(pb) };
  const services = new Map();
  const createBatch = pb.createBatch.bind(pb);
  pb.collection = (name) => {
    if (OWN.test(name)) return state.collection(name);
    if (!services.has(name)) services.set(name, collectionWithEvents(state, state.collection(name)));
    return services.get(name);
  };
  pb.createBatch = () => batchWithEvents(state, createBatch);
  pb.events = new Queue(pb, queue);
  return pb;
}
