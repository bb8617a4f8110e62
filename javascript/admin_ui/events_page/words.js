// How the page writes things. Every text becomes a text node, so that a name can never be markup.

/** Replace what is in an element by these children, without those that are null. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined));
}

/** A short text of a value. */
export function brief(value, most = 80) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

/** A time of the log in the reader's zone: "2026-11-28 14:03:12". */
export function localTime(time, { milliseconds = false } = {}) {
  const date = new Date(time.replace(" ", "T"));
  if (Number.isNaN(date.getTime())) return time;
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().replace("T", " ");
  return local.slice(0, milliseconds ? 23 : 19);
}

/** What an event does, in a word: its type, or that it restores. */
export const kindOf = ({ type, data }) => (type === "update" && data && data.deleted === false ? "restore" : type);

const COLOURS = { create: "success", update: "info", delete: "danger", restore: "warning" };

export const kindLabel = (event) => t.span({ className: `label sm ${COLOURS[kindOf(event)] ?? ""}` }, kindOf(event));

export const count = (number) => number.toLocaleString("en");

/** "1 event", "2,000 events". */
export const counted = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

export const icon = (name) => t.i({ className: `ri-${name}`, ariaHidden: true });

/** A button of PocketBase's look. */
export const button = (label, name, className, onclick) =>
  t.button(
    { type: "button", className: `btn ${className}`, onclick },
    name && icon(name),
    t.span({ className: "txt" }, label),
  );

/** A round button with a picture, named for those who don't see it. */
export const iconButton = (label, name, onclick) =>
  t.button(
    { type: "button", className: "btn circle sm transparent secondary", title: label, ariaLabel: label, onclick },
    icon(name),
  );

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d[\d.eE+-]*/g;

/** A JSON value with PocketBase's colours. */
export function jsonView(value) {
  const text = JSON.stringify(value, null, 2);
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(TOKEN)) {
    const [token, string, colon] = found;
    const kind = colon ? "property" : string ? "string" : /^[tfn]/.test(token) ? "boolean" : "number";
    parts.push(text.slice(end, found.index), t.span({ className: `token ${kind}` }, string ?? token));
    end = found.index + (string ?? token).length;
  }
  return t.code({ className: "block", tabIndex: 0 }, ...parts, text.slice(end));
}

/** What an event says, field by field. */
export function changesView({ data, flaw }) {
  if (flaw) return t.span({ className: "label sm danger" }, "unreadable data");
  if (data === null || typeof data !== "object" || Array.isArray(data)) return t.span({ className: "txt-hint" }, "");
  return t.span(
    { className: "events-changes" },
    ...Object.entries(data)
      .slice(0, 6)
      .map(([key, value]) =>
        t.span({ className: "label sm" }, t.span({ className: "txt-hint" }, key), " ", brief(value, 60)),
      ),
    Object.keys(data).length > 6 ? t.span({ className: "txt-hint" }, `and ${Object.keys(data).length - 6} more`) : null,
  );
}
