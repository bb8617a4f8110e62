// Prints how many updates had to look for their outcome before realtime told of one; at most fifty try. Realtime was
// connected while an earlier one waited, and slowly: the write before that had its outcome already.

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
let looked = -1;
do {
  looked++;
  looks = 0;
  await todos.update(id, { count: looked + 1 });
} while (looks && looked < 49);
console.log(looks ? looked + 1 : looked);
process.exit();
