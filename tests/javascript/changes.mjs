// Follows the changes of rows: each as a line of JSON, `[seq, title, deleted]`. It gets where to begin, and where to end.

import { withEvents } from "pocketbase-events";
import { signIn } from "./client.mjs";

const [after, end] = process.argv.slice(2).map(Number);
const todos = withEvents(await signIn(), { collections: ["todos"] }).collection("todos");
for await (const { seq, title, deleted } of todos.changes({ after })) {
  console.log(JSON.stringify([seq, title, deleted]));
  if (seq >= end) process.exit();
}
