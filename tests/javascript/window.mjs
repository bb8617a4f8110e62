// What page/page.mjs is in a browser, in Node: a line of JSON on standard input is an event to append, and each line
// on standard output is what the window shows from then on, `rows` or what it `says`. Ends with its input.

import { createInterface } from "node:readline";

import { appendEvent, liveRows } from "pocketbase-events";
import { signIn } from "./client.mjs";

const show = (what) => console.log(JSON.stringify(what));
const pb = await signIn();
await liveRows(pb, "items", (items) => show({ rows: items.map(({ id, title }) => [id, title]) }), { sort: "title" });
show({ says: "Signed in" });

for await (const line of createInterface({ input: process.stdin })) {
  show({ says: "Sending" });
  appendEvent(pb, { collection: "items", ...JSON.parse(line) })
    .then(({ seq }) => show({ says: `Recorded: ${seq}` }))
    .catch((why) => show({ says: why.message }));
}
process.exit();
