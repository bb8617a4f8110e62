import PocketBase from "pocketbase";
import { withEvents } from "pocketbase-events";

const home = withEvents(new PocketBase(homeUrl), { collections: ["notes"] }); // appends
const near = withEvents(new PocketBase(nearUrl), { collections: ["notes"] }); // reads

await home.collection("users").authWithPassword(email, password);
near.authStore.save(home.authStore.token, home.authStore.record); // a copy of the primary knows its users' tokens

const note = await home.collection("notes").create({ body: "Hello" });
for await (const row of near.collection("notes").changes({ after: note.seq - 1 })) {
  console.log(row.body, row.seq);
  break;
}
