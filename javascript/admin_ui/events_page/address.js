// What the page shows, as its address says it: so Back works, and a link shows another person the same. Pure.

export const TABS = ["log", "pending", "rejected", "rows"];
export const FILTERS = ["collection", "item", "type", "actor", "text", "from", "to"];
const NAMES = ["tab", ...FILTERS, "at", "event"];

const FORMS = {
  tab: (value) => TABS.includes(value),
  from: (value) => !Number.isNaN(Date.parse(value)),
  to: (value) => !Number.isNaN(Date.parse(value)),
  at: (value) => /^[1-9]\d{0,14}$/.test(value),
  event: (value) => /^[1-9]\d{0,14}$/.test(value),
};

/** What the query of an address says, `{ name: [values] }`, as texts. What makes no sense is left out. */
export function stateOf(query) {
  const said = (name) => query[name]?.[0] ?? "";
  const state = NAMES.map((name) => [name, FORMS[name]?.(said(name)) === false ? "" : said(name)]);
  const { tab, ...others } = Object.fromEntries(state);
  return { tab: tab || "log", ...others };
}

/** The address of a state. */
export function addressOf(state) {
  const given = NAMES.filter((name) => state[name] && !(name === "tab" && state.tab === "log"));
  const query = new URLSearchParams(given.map((name) => [name, state[name]]));
  return `#/events${query.size ? `?${query}` : ""}`;
}

/** Whether any filter is set. */
export const isFiltered = (state) => FILTERS.some((name) => state[name]);

/** A time of the address (UTC) as an input of type datetime-local has it, and back. */
export function localOf(time) {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return "";
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export const timeOf = (local) => (local ? new Date(local).toISOString() : "");
