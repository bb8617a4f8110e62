import PocketBase from "pocketbase";
import { withEvents } from "pocketbase-events";

const pb = withEvents(new PocketBase(url), { queue: localStorage });
pb.events.addEventListener("rejected", ({ detail }) => console.log(detail.error.message, detail.events));
await pb.collection("users").authWithPassword(email, password);
await pb.collection("notes").create({ body: "Hello" });
console.log(pb.events.queued); // 0, since it is recorded
