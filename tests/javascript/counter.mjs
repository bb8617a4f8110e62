// Four windows increase a counter 1,000 times, all at once.

import assert from "node:assert/strict";

import { withEvents } from "pocketbase-events";
import { signIn } from "./client.mjs";

const clients = await Promise.all([0, 1, 2, 3].map(async () => withEvents(await signIn())));
const { id } = await clients[0].collection("todos").create({ title: "Likes" });
const increase = (client) => client.collection("todos").update(id, { "count+": 1 }, { requestKey: null });
const several = async (client) => {
  for (let done = 0; done < 250; done += 25) await Promise.all(Array.from({ length: 25 }, () => increase(client)));
};
await Promise.all(clients.map(several));
assert.equal((await clients[0].collection("todos").getOne(id)).count, 1000);
process.exit();
