// A list of items that a signed-in user may add to and delete from.

import PocketBase from "pocketbase";
import { appendEvent, liveRows, newId } from "pocketbase-events";

const pb = new PocketBase(location.origin);
const [signIn, add] = document.forms;
const status = document.querySelector("[role=status]");
const list = document.querySelector("ul");

async function append(event) {
  status.textContent = "Sending";
  status.textContent = await appendEvent(pb, { collection: "items", ...event }).then(
    ({ seq }) => `Recorded: ${seq}`,
    (why) => why.message,
  );
}

function show(items) {
  list.replaceChildren(
    ...items.map(({ id, title }) => {
      const row = document.createElement("li");
      const remove = document.createElement("button");
      remove.textContent = "Delete";
      remove.onclick = () => append({ type: "delete", item_id: id });
      row.append(Object.assign(document.createElement("span"), { textContent: title }), remove);
      return row;
    }),
  );
}

signIn.onsubmit = async (submitted) => {
  submitted.preventDefault();
  await pb.collection("users").authWithPassword(signIn.elements.email.value, signIn.elements.password.value);
  let looks = 0; // the second one is the first that hears of changes: from then on, nothing is read without news
  await new Promise((resolve, reject) => {
    const look = (items) => (show(items), ++looks === 2 && resolve());
    liveRows(pb, "items", look, { sort: "title" }).catch(reject);
  });
  status.textContent = "Signed in";
};

add.onsubmit = (submitted) => {
  submitted.preventDefault();
  append({ type: "create", item_id: newId(), data: { title: add.elements.title.value } });
};
