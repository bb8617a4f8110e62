// What is hashed, as core/events.py and core/json_text.py of the worker's package have it. Pure.

const MAX_DEPTH = 200; // levels, as in core/json_text.py
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s"{}[\]:,]+/gs;
const NUMBER = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i;
const HASHED = ["actor", "collection", "data", "event_id", "item_id", "seq", "timestamp", "type"];
const OPTIONAL = ["expected_seq", "reason", "together"]; // hashed only if they are not empty

/** The RFC 8785 form of a JSON value. JavaScript writes numbers and texts as that standard wants them. */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const member = (key) => `${JSON.stringify(key)}:${canonical(value[key])}`;
  return `{${Object.keys(value).sort().map(member).join(",")}}`;
}

/** What the hash of an event covers: the keys of an export's line, without the hash. */
export function hashed(event) {
  const kept = [...HASHED, ...OPTIONAL.filter((name) => event[name])];
  const covered = Object.fromEntries(kept.map((name) => [name, event[name]]));
  return event.file_hashes?.length ? { ...covered, files: event.file_hashes } : covered;
}

/**
 * An event's `data`, read from its JSON text: `{ data, flaw }`. The flaw says why two readers would not read it the
 * same way; it is empty for every event that a worker recorded.
 */
export function readData(text) {
  if (!text) return { data: null, flaw: "" };
  try {
    const flaw = flawOf(text);
    if (flaw) return { data: null, flaw };
    const data = JSON.parse(text);
    if (text.includes("\\u") && !isWellFormed(data)) {
      return {
        data: null,
        flaw: "data holds half of a surrogate pair (\\ud800 to \\udfff alone). Send whole characters.",
      };
    }
    return { data, flaw: "" };
  } catch {
    return { data: null, flaw: "data is not JSON. Send a JSON value." };
  }
}

function flawOf(text) {
  const open = []; // the keys of each object that is open; null for a list
  let name = null; // the text just read, which a colon makes a key
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === "{" || token === "[") {
      open.push(token === "{" ? new Set() : null);
      if (open.length > MAX_DEPTH) return `data is nested more than ${MAX_DEPTH} levels deep. Flatten it.`;
    } else if (token === "}" || token === "]") open.pop();
    else if (token === ":" && name !== null) {
      const [key, keys] = [JSON.parse(name), open.at(-1)];
      if (keys?.has(key)) return `data has the key ${JSON.stringify(key.slice(0, 80))} twice. Name each key once.`;
      keys?.add(key);
    } else if (NUMBER.test(token) && !Number.isFinite(Number(token))) {
      return `data holds a number that no IEEE 754 double can hold (${token.slice(0, 20)}). Send it as a text.`;
    }
    name = token.startsWith('"') ? token : null;
  }
  return "";
}

/** Whether a JSON value has no half of a surrogate pair in it. */
function isWellFormed(value) {
  if (typeof value === "string") return !/\p{Surrogate}/u.test(value);
  if (value === null || typeof value !== "object") return true;
  return Object.entries(value).every(([key, each]) => isWellFormed(key) && isWellFormed(each));
}
