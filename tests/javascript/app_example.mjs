import PocketBase from "pocketbase";
import { withEvents } from "pocketbase-events";

const pb = withEvents(new PocketBase(url)); // the one line that changes
await pb.collection("users").authWithPassword(email, password);
const notes = pb.collection("notes");
await notes.subscribe("*", ({ action, record }) => console.log(action, record.body));

const note = await notes.create({ body: "Hello" });
await notes.update(note.id, { body: "Hello again" }, { reason: "friendlier" });
await notes.update(note.id, { body: "" }).catch((why) => console.log(why.response.data.body.message));
await notes.delete(note.id);
console.log(await notes.getFullList());
