// The history of the row that is clicked, with undo: what withEvents makes possible.

import { todos } from "./app.mjs";

const panel = document.querySelector("ol");
document
  .querySelector("ul")
  .addEventListener("click", ({ target }) => target.matches("span") && tell(target.parentElement.dataset.id));

async function tell(id) {
  const entries = (await todos.history(id)).map((event) => {
    const entry = document.createElement("li");
    const undo = Object.assign(document.createElement("button"), { textContent: "Undo" });
    undo.onclick = () => todos.undo(event).then(() => tell(id));
    entry.append(`${event.timestamp} ${JSON.stringify(event.changes)} ${event.reason} `, undo);
    return entry;
  });
  panel.replaceChildren(...entries);
}
