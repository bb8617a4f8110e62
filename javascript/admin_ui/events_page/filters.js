// The filters of the page, which are part of its address.

import { FILTERS, isFiltered, localOf, timeOf } from "./address.js";
import { button } from "./words.js";

const TYPES = ["create", "update", "delete", "restore"];
const TIMES = ["from", "to"];
const WIDE = 900; // px from which the filters are always in sight

/** The form: its element, and `show(state, collections)`. */
export class Filters {
  #page;
  #inputs;
  #clear = button("Clear", "close-line", "sm transparent secondary", () =>
    this.#page.go(Object.fromEntries(FILTERS.map((name) => [name, ""]))),
  );

  constructor(page) {
    this.#page = page;
    const text = (placeholder) => t.input({ type: "search", placeholder, autocomplete: "off" });
    this.#inputs = {
      text: text("Words in it"),
      collection: t.select(),
      type: t.select(null, ...["", ...TYPES].map((type) => t.option({ value: type }, type || "Any type"))),
      item: text("Item's id"),
      actor: text("By: name, email or id"),
      from: t.input({ type: "datetime-local" }),
      to: t.input({ type: "datetime-local" }),
    };
    const labels = {
      text: "Text",
      collection: "Collection",
      type: "Type",
      item: "Item",
      actor: "By",
      from: "From",
      to: "Until",
    };
    const fields = Object.entries(this.#inputs).map(([name, input]) => {
      input.ariaLabel = labels[name];
      input.name = name;
      const isTime = TIMES.includes(name);
      return t.div(
        { className: "field" },
        isTime ? t.label({ className: "events-inline" }, labels[name], input) : input,
      );
    });
    const form = t.form(
      { className: "events-filters", onsubmit: (event) => (event.preventDefault(), this.#submit()) },
      ...fields,
      this.#clear,
    );
    form.addEventListener("change", () => this.#submit());
    this.element = t.details({ open: window.innerWidth >= WIDE }, t.summary(null, "Filters"), form);
    this.element.className = "events-filters-box";
  }

  show(state, collections) {
    const names =
      collections.includes(state.collection) || !state.collection ? collections : [state.collection, ...collections];
    const options = ["", ...names].map((name) => t.option({ value: name }, name || "Any collection"));
    this.#inputs.collection.replaceChildren(...options);
    for (const [name, input] of Object.entries(this.#inputs)) {
      input.value = TIMES.includes(name) ? localOf(state[name]) : state[name];
      input.closest(".field").classList.toggle("events-set", !!state[name]);
    }
    this.#clear.hidden = !isFiltered(state);
    if (isFiltered(state)) this.element.open = true;
  }

  #submit() {
    const given = Object.entries(this.#inputs).map(([name, input]) => [
      name,
      TIMES.includes(name) ? timeOf(input.value) : input.value.trim(),
    ]);
    this.#page.go(Object.fromEntries(given));
  }
}
