import PocketBase from "pocketbase";
import { withEvents } from "pocketbase-events";

const pb = withEvents(new PocketBase(url)); // the one line that changes
await pb.collection("users").authWithPassword(email, password);
const notes = pb.collection("notes");
const note = await notes.create({ body: "Hello" });
await notes.update(note.id, { body: "Hello again" }, { reason: "friendlier" });

const [, update] = await notes.history(note.id);
console.log(update.timestamp, update.changes.body, update.reason); // … ["Hello", "Hello again"] friendlier
await notes.undo(update);
console.log((await notes.getOne(note.id)).body); // Hello
