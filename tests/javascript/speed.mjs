// Prints how long an update of one field takes, in units of an `appendEvent` that says the same, and a look at the row:
// the fastest tenth of each, since a busy machine slows some down.

import { appendEvent, withEvents } from "pocketbase-events";
import { signIn } from "./client.mjs";

const [ROUNDS, CALLS] = [20, 10];
const pb = withEvents(await signIn());
const todos = pb.collection("todos");
const { id } = await todos.create({ title: "Milk" });
let count = 0;
const append = async () => {
  await appendEvent(pb, { type: "update", collection: "todos", item_id: id, data: { count: ++count } });
  await todos.getOne(id);
};
const update = () => todos.update(id, { count: ++count });

async function times(action) {
  const found = [];
  for (let calls = 0; calls < CALLS; calls++) {
    const start = performance.now();
    await action();
    found.push(performance.now() - start);
  }
  return found;
}

const fast = (found) => found.sort((one, other) => one - other)[found.length / 10];
const [appends, updates] = [[], []];
for (let round = 0; round < ROUNDS; round++) {
  updates.push(...(await times(update)));
  appends.push(...(await times(append)));
}
console.log(fast(updates) / fast(appends));
process.exit();
