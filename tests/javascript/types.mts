// An app as the type checker sees it, with the types that pocketbase-typegen writes and without.

import PocketBase, { type RecordModel, type RecordService } from "pocketbase";
import { appendEvent, liveRows, withEvents } from "pocketbase-events";

interface Todo {
  id: string;
  title: string;
  count: number;
}

type TypedPocketBase = PocketBase & { collection(idOrName: "todos"): RecordService<Todo> };

const plain = withEvents(new PocketBase("/"));
export const record: RecordModel = await plain.collection("todos").create({ title: "Milk" }, { reason: "out of it" });
export const todo: Todo = await plain.collection<Todo>("todos").update("x", { "count+": 1 }, { from: record });

const typed = withEvents(new PocketBase("/") as TypedPocketBase, { collections: ["todos"] });
export const title: string = (await typed.collection("todos").getOne("x", { deleted: true })).title;
// @ts-expect-error a number is no text
export const wrong: string = (await typed.collection("todos").getOne("x")).count;

const queueing = withEvents(new PocketBase("/"), { queue: { getItem: () => null, setItem() {}, removeItem() {} } });
queueing.events.addEventListener("rejected", ({ detail }) =>
  console.log(detail.error.response, detail.events[0]?.type),
);
export const waiting: number = queueing.events.queued;

const told = await typed.collection("todos").history("x");
await typed.collection("todos").undo(told, { force: true });
export const [first]: Todo[] = await typed.collection("todos").at(told[0]!.seq);
for await (const row of typed.collection("todos").changes({ after: 12 })) console.log(row.title, row.seq);

const { seq } = await appendEvent(plain, { type: "delete", collection: "todos", item_id: "x" });
export const place: number = seq;
// @ts-expect-error there is no such type of event
await appendEvent(plain, { type: "drop", collection: "todos", item_id: "x" });
export const stop: () => void = await liveRows<Todo>(plain, "todos", (rows) => rows.map((row) => row.title));
