// The history of a record whose field was renamed, and the second of its events taken back.

import { withEvents } from "pocketbase-events";
import { signIn } from "./client.mjs";

const papers = withEvents(await signIn()).collection("papers");
const told = await papers.history(process.argv[2]);
await papers.undo(told[1]);
const [before] = await papers.at(told[1].seq);
const { text } = await papers.getOne(process.argv[2]);
console.log(JSON.stringify([told.map(({ changes }) => changes), before.text, text]));
process.exit();
