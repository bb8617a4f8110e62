// Answers questions about the pure modules of the admin UI's page Events: a JSON text a line, `[function, arguments]`.

import { createInterface } from "node:readline";
import { addressOf, stateOf } from "../../javascript/admin_ui/events_page/address.js";
import { canonical, readData } from "../../javascript/admin_ui/events_page/canonical.js";
import { hashOf, verify } from "../../javascript/admin_ui/events_page/chain.js";
import { healthOf } from "../../javascript/admin_ui/events_page/health.js";
import { byItem, rowAt } from "../../javascript/admin_ui/events_page/rows_at.js";

async function* inPages(events, size) {
  for (let start = 0; start < events.length; start += size) yield events.slice(start, start + size);
}

const functions = {
  canonical,
  read: readData,
  hash: hashOf,
  verify: (events, head, size) => verify(inPages(events, size), head),
  address: (address) => addressOf(stateOf(queryOf(address))),
  health: healthOf,
  rows: (events, seq) =>
    Object.fromEntries([...byItem(events)].map(([id, own]) => [id, rowAt(id, own, seq)]).filter(([, row]) => row.last)),
};

function queryOf(address) {
  const query = {};
  for (const [name, value] of new URLSearchParams(address.split("?")[1] ?? "")) (query[name] ??= []).push(value);
  return query;
}

for await (const line of createInterface({ input: process.stdin })) {
  const [name, given] = JSON.parse(line);
  console.log(JSON.stringify(await functions[name](...given)));
}
