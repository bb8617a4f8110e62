import PocketBase from "pocketbase";
import { withEvents } from "pocketbase-events";

const pb = withEvents(new PocketBase(url));
await pb.collection("users").authWithPassword(email, password);
const notes = pb.collection("notes");
const note = await notes.create({ body: "Hello" });
await notes.delete(note.id);

const told = await notes.history(note.id);
for (const { timestamp, type, changes } of told) console.log(timestamp, type, Object.keys(changes));
await notes.restore(note.id, { reason: "still needed" });

const before = await notes.at(told[0].seq); // or a time: notes.at("2026-01-31 09:30Z"), notes.at(new Date())
console.log(before.map((row) => row.body));
