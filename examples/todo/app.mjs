// A todo app, written for the plain SDK: a form of several fields, a counter, a batch, realtime, errors at their fields.

import PocketBase from "pocketbase";

export const pb = new PocketBase(location.origin);
export const todos = pb.collection("todos");
const [signIn, edit] = document.forms;
const [status, list, row] = ["[role=status]", "ul", "template"].map((selector) => document.querySelector(selector));

/** Do something, and say what became of it; an error that names a field is shown beside its input. */
async function attempt(action) {
  status.textContent = "Sending";
  const [{ reason: error }] = await Promise.allSettled([action()]);
  for (const note of edit.querySelectorAll("small")) note.textContent = error?.response?.data?.[note.id]?.message ?? "";
  if (!error?.isAbort) status.textContent = error ? "Failed" : "Done";
}

async function show() {
  const rows = await todos.getFullList({ sort: "title", requestKey: "show" }).catch(() => undefined);
  if (rows) list.replaceChildren(...rows.map(item));
}

function item(todo) {
  const element = row.content.firstElementChild.cloneNode(true);
  const [done, text, plus, change, remove] = element.children;
  const due = todo.due.slice(0, 10);
  text.textContent = [todo.title, `${todo.count} times`, due, todo.priority].filter(Boolean).join(" ");
  text.dataset.id = todo.id;
  done.checked = todo.done;
  done.onchange = () => attempt(() => todos.update(todo.id, { done: done.checked }));
  plus.onclick = () => attempt(() => todos.update(todo.id, { "count+": 1 }));
  change.onclick = () => edit.querySelectorAll("input").forEach((each) => (each.value = { ...todo, due }[each.name]));
  remove.onclick = () => attempt(() => todos.delete(todo.id));
  return element;
}

document.addEventListener("submit", (submitted) => submitted.preventDefault());
signIn.onsubmit = () => pb.collection("users").authWithPassword(signIn.email.value, signIn.password.value).then(start);
edit.onsubmit = () => {
  const { id, ...fields } = Object.fromEntries(new FormData(edit));
  attempt(() => (id ? todos.update(id, fields) : todos.create(fields)).then(() => edit.reset()));
};

document.querySelector("#move").onclick = () =>
  attempt(async () => {
    const batch = pb.createBatch();
    const done = await todos.getFullList({ filter: "done = true" });
    for (const { id } of done) batch.collection("todos").update(id, { priority: "high", done: false });
    await batch.send();
  });

async function start() {
  await todos.subscribe("*", show);
  await pb.realtime.subscribe("PB_CONNECT", show);
  await show();
  status.textContent = "Signed in";
}

if (pb.authStore.isValid) start();
