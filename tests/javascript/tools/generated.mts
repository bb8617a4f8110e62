// An app as the type checker sees it, with the types that pocketbase-typegen writes.

import PocketBase from "pocketbase";
import { withEvents } from "pocketbase-events";
import type { TodosResponse, TypedPocketBase, Update } from "./pocketbase-types.js";

const pb = withEvents(new PocketBase("/") as TypedPocketBase, { queue: window.localStorage });
const todos = pb.collection("todos");

const change: Update<"todos"> = { title: "Eggs", count: 2 };
export const changed: TodosResponse = await todos.update("x", change, { reason: "no milk", expectedSeq: true });
export const [first]: TodosResponse[] = await todos.getFullList({ deleted: true });
export const seq: number | undefined = changed.seq;
// @ts-expect-error there is no such field
export const colour = changed.colour;

const told = await todos.history("x");
export const { conflicts } = await todos.undo(told);
export const restored: TodosResponse = await todos.restore("x");
export const [before]: TodosResponse[] = await todos.at(told[0]!.seq);
for await (const row of todos.changes({ after: 12 })) console.log(row.title, row.seq);
await todos.subscribe("*", ({ record }) => console.log(record.title), { deleted: true });
export const queued: number = pb.events.queued;
