// Writes to `briefs`, and once more after each line on standard input. Prints what became of it.

import { createInterface } from "node:readline";

import { withEvents } from "pocketbase-events";
import { signIn } from "./client.mjs";

const briefs = withEvents(await signIn()).collection("briefs");
const write = () =>
  briefs.create({ title: "x" }).then(
    ({ title }) => title,
    ({ message }) => message,
  );
console.log(await write());
for await (const _ of createInterface({ input: process.stdin })) console.log(await write());
process.exit();
