import PocketBase from "pocketbase";
import { appendEvent, liveRows, newId } from "pocketbase-events";

const pb = new PocketBase(url);
await pb.collection("users").authWithPassword(email, password);

const end = await liveRows(pb, "notes", (notes) => console.log(notes.map((note) => note.body)));

const note = { collection: "notes", item_id: newId() };
const recorded = await appendEvent(pb, { ...note, type: "create", data: { body: "Hello" } });
console.log(recorded.seq, await pb.collection("notes").getOne(note.item_id));

await appendEvent(pb, { ...note, type: "update", data: { body: "Hello again" } });
await appendEvent(pb, { ...note, type: "update", data: { colour: "red" } }).catch((why) => console.log(why.message));

end();
