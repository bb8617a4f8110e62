// From the body of a create or update to what events say: field by field, in the form in which PocketBase stores it.

import { refusal } from "./errors.js";
import { fileChanges, isFile } from "./files.js";

const OURS = ["id", "collectionId", "collectionName", "expand"];
const MODIFIER = /^(\+)?(.*?)([+-])?$/s;

/** The field that a key is about, and its modifier: "", "+" or "-" behind the name, or "<" for one before it. */
export function parseKey(key) {
  const [, before, field, behind] = MODIFIER.exec(key);
  return { field, modifier: before ? "<" : (behind ?? "") };
}

/** A FormData as an object; like PocketBase, it makes numbers and booleans of texts that look like them. */
export function plain(body) {
  if (!(typeof FormData !== "undefined" && body instanceof FormData)) return { ...body };
  const found = {};
  for (const key of new Set(body.keys())) {
    const values = body.getAll(key);
    if (key === "@jsonPayload") values.forEach((text) => Object.assign(found, JSON.parse(text)));
    else found[key] = values.length > 1 ? values : values[0];
  }
  return found;
}

/**
 * What a body sets, by key. Keys that PocketBase ignores are left out; what events can't say throws. `now` is the row
 * as it is, if it is known (empty, if it is to be created): what stays the same is left out as well.
 */
export async function changesIn(pb, target, body, now) {
  const changes = {};
  for (const [key, value] of Object.entries(plain(body))) {
    if (value === undefined || OURS.includes(key)) continue;
    const { field, modifier } = parseKey(key);
    if (field === "deleted" || (field === "seq" && target.versioned)) {
      if (key === "deleted" && value === true && !now?.deleted)
        throw await refusal(pb, "Use delete(id) to delete a record.");
      continue;
    }
    const type = target.fields?.get(field);
    if ((target.fields && !type) || type?.type === "autodate") continue;
    if (type?.type === "file" || (!type && [value].flat().some(isFile))) {
      const of = type ?? { multiple: Array.isArray(value) };
      Object.assign(changes, await fileChanges(pb, target, [key, field, modifier], of, value, now && (now[field] ?? "")));
      continue;
    }
    const given = modifier ? operand(type, value) : cast(type, value);
    if (now && !modifier && same(type, given, now[field])) continue;
    if (type?.type === "password" || [given].flat().some(isFile)) throw await unspeakable(pb, target, field, type);
    changes[key] = given;
  }
  return changes;
}

/** The data of a create: there is nothing before it that a modifier could change. */
export function initial(changes) {
  const data = {};
  for (const [key, value] of Object.entries(changes)) {
    const { field, modifier } = parseKey(key);
    if (modifier !== "-") data[field] = value;
    else if (typeof value === "number") data[field] = -value;
  }
  return data;
}

function unspeakable(pb, { collection }, field, { type }) {
  const message =
    type === "password"
      ? `"${field}" of ${collection} is a field of type password, which an event can't set. Leave it out.`
      : `"${field}" of ${collection} is a field of type ${type}, which takes no file.`;
  return refusal(pb, message, { [field]: { code: "validation_invalid_value", message } });
}

const numeric = (text) => text.trim() !== "" && Number.isFinite(Number(text));
const json = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};
const bools = { true: true, 1: true, false: false, 0: false, "": false };

/** The value as PocketBase casts it for that type of field; as it is if it makes no sense there. */
function cast(type, value) {
  if (value instanceof Date) value = value.toISOString().replace("T", " ");
  if (!type || value === null) return value;
  if (type.multiple) return value === "" ? [] : [value].flat();
  if (Array.isArray(value) && (type.type === "select" || type.type === "relation")) return value.at(-1) ?? "";
  switch (type.type) {
    case "number":
      return value === "" ? null : operand(type, value);
    case "bool":
      return bools[value] ?? value;
    case "json":
    case "geoPoint":
      return typeof value === "string" ? json(value) : value;
    default:
      return typeof value === "number" || typeof value === "boolean" ? String(value) : value;
  }
}

const operand = (type, value) =>
  (!type || type.type === "number") && typeof value === "string" && numeric(value) ? Number(value) : value;

/** Whether PocketBase would store the value as the one that the field has already. */
function same(type, value, now) {
  if (type?.type === "date" && value && now) return Date.parse(String(value)) === Date.parse(now);
  if (value === null && type?.type !== "json") return now === "" || now === 0 || now === false || now?.length === 0;
  return JSON.stringify(value) === JSON.stringify(now);
}
