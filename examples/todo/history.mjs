// The history of the todo that is clicked, with undo: what withEvents makes possible.

import { todos } from "./app.mjs";

const panel = document.querySelector("ol");
document.querySelector("ul").addEventListener("click", ({ target: { dataset } }) => dataset.id && tell(dataset.id));
const tell = async (id) => panel.replaceChildren(...(await todos.history(id)).map(entryOf));
function entryOf({ seq, item_id: id, timestamp, changes, reason }) {
  const [entry, undo] = ["li", "button"].map((name) => document.createElement(name));
  Object.assign(undo, { textContent: "Undo", onclick: () => todos.undo(seq).then(() => tell(id)) });
  entry.append(`${timestamp} ${JSON.stringify(changes)} ${reason} `, undo);
  return entry;
}
