// A todo app, written for the plain SDK: forms of several fields, a counter, a batch, realtime, errors at their fields.

import PocketBase from "pocketbase";

export const pb = new PocketBase(location.origin);
export const todos = pb.collection("todos");
const [signIn, edit] = document.forms;
const status = document.querySelector("[role=status]");
const list = document.querySelector("ul");

const button = (label, onclick) => Object.assign(document.createElement("button"), { textContent: label, onclick });

/** Do something, and say what became of it; errors that name a field are shown beside its input. */
async function attempt(action) {
  for (const note of edit.querySelectorAll("small")) note.textContent = "";
  status.textContent = "Sending";
  try {
    await action();
    status.textContent = "Done";
  } catch (error) {
    for (const [field, { message }] of Object.entries(error.response?.data ?? {})) {
      const note = document.getElementById(field);
      if (note) note.textContent = message;
    }
    status.textContent = error.isAbort ? "" : "Failed";
  }
}

/** Show the list as it is now. */
async function show() {
  const rows = await todos.getFullList({ sort: "title", requestKey: "show" });
  list.replaceChildren(...rows.map(item));
}

function item(todo) {
  const row = document.createElement("li");
  const done = Object.assign(document.createElement("input"), { type: "checkbox", checked: todo.done });
  done.onchange = () => attempt(() => todos.update(todo.id, { done: done.checked }));
  const text = document.createElement("span");
  text.textContent = [todo.title, `${todo.count} times`, todo.due.slice(0, 10), todo.priority]
    .filter(Boolean)
    .join(" ");
  row.dataset.id = todo.id;
  row.append(
    done,
    text,
    button("+1", () => attempt(() => todos.update(todo.id, { "count+": 1 }))),
  );
  row.append(
    button("Edit", () => load(todo)),
    button("Delete", () => attempt(() => todos.delete(todo.id))),
  );
  return row;
}

function load(todo) {
  for (const name of ["id", "title", "count"]) edit.elements[name].value = todo[name];
  edit.elements.due.value = todo.due.slice(0, 10);
}

signIn.onsubmit = async (submitted) => {
  submitted.preventDefault();
  await pb.collection("users").authWithPassword(signIn.elements.email.value, signIn.elements.password.value);
  await start();
};

async function start() {
  await todos.subscribe("*", () => show().catch(() => {}));
  await pb.realtime.subscribe("PB_CONNECT", () => show().catch(() => {}));
  await show().catch(() => {});
  status.textContent = "Signed in";
}

edit.onsubmit = (submitted) => {
  submitted.preventDefault();
  const { id, ...fields } = Object.fromEntries(new FormData(edit));
  attempt(async () => {
    await (id ? todos.update(id, fields) : todos.create(fields));
    edit.reset();
    edit.elements.id.value = "";
  });
};

document.querySelector("#move").onclick = () =>
  attempt(async () => {
    const batch = pb.createBatch();
    for (const { id } of await todos.getFullList({ filter: "done = true" })) {
      batch.collection("todos").update(id, { priority: "high", done: false });
    }
    await batch.send();
  });

if (pb.authStore.isValid) start();
