// Runs every function of shapes.mjs and apps.mjs with a plain client and with events, and compares what comes back.

import assert from "node:assert/strict";

import PocketBase from "pocketbase";
import { withEvents } from "pocketbase-events";
import { signIn } from "./client.mjs";
import * as apps from "./apps.mjs";
import * as documented from "./shapes.mjs";

/** Without what differs from run to run, and the fields that attaching adds. */
function comparable(value) {
  if (Array.isArray(value)) return value.map(comparable);
  if (value === null || typeof value !== "object") return value;
  const varying = ["id", "created", "updated", "collectionId", "collectionName", "deleted", "seq", "list", "lists"];
  const kept = Object.entries(value).filter(([name]) => !varying.includes(name) || value[name] === "");
  const names = varying.filter((name) => name in value && value[name] !== "" && name !== "deleted" && name !== "seq");
  return { ...Object.fromEntries(kept.map(([name, each]) => [name, comparable(each)])), names };
}

const plain = await signIn();
const ours = withEvents(await signIn(), { collections: ["todos"] });
const failed = {};
const wanted = process.argv.slice(2);
for (const [name, shape] of Object.entries({ ...documented, ...apps })) {
  if (name === "caught" || (wanted.length && !wanted.includes(name))) continue;
  try {
    const expected = comparable(await shape(plain, "plain_todos"));
    assert.deepEqual(comparable(await shape(ours, "todos")), expected);
  } catch (error) {
    failed[name] = error.stack;
  }
}
for (const [name, why] of Object.entries(failed)) console.error(name, why);
console.log(JSON.stringify(Object.keys(failed)));
process.exit(Object.keys(failed).length ? 1 : 0);
