// Restores one of more deleted rows than one request reads, and prints what a subscription says of it.

import { withEvents } from "pocketbase-events";
import { signIn } from "./client.mjs";

const pb = withEvents(await signIn());
const todos = pb.collection("todos");
const made = [];
for (let hundred = 0; hundred < 11; hundred++) {
  const [creating, deleting] = [pb.createBatch(), pb.createBatch()];
  for (let number = 0; number < 100; number++) creating.collection("todos").create({ title: "Milk" });
  const ids = (await creating.send()).map(({ body }) => body.id);
  for (const id of ids) deleting.collection("todos").delete(id);
  await deleting.send();
  made.push(...ids);
}
const heard = new Promise((resolve) =>
  todos.subscribe("*", ({ action }) => resolve(action)).then(() => todos.restore(made[0])),
);
console.log(await heard);
process.exit();
