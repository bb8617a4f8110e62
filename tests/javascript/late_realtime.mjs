// Prints how many of ten updates had to look for their outcome. Realtime was connected while an earlier one waited, and
// slowly: the write before that had its outcome already.

import { withEvents } from "pocketbase-events";
import { signIn } from "./client.mjs";

const pb = withEvents(await signIn());
let [appends, looks] = [0, 0];
let connect;
const connecting = new Promise((resolve) => (connect = resolve));
pb.beforeSend = async (url, options) => {
  if (options.method === "POST" && url.endsWith("/api/realtime")) await connecting;
  if (options.method === "POST" && url.endsWith("/events/records") && ++appends === 2) connect();
  if (options.method === "GET" && url.includes("/events/records")) looks++;
  return { url, options };
};
const todos = pb.collection("todos");
const { id } = await todos.create({ title: "Milk" });
await new Promise((resolve) => setTimeout(resolve, 1000)); // longer than between two looks
await todos.update(id, { count: 0 });
looks = 0;
for (let count = 1; count <= 10; count++) await todos.update(id, { count });
console.log(looks);
process.exit();
