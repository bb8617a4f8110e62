// Files of events, as core/files.py of the worker's package has them.

import { refusal } from "./errors.js";

const MARK = /_(\d+)_(\d)(?:_[a-z0-9]{10}){1,2}$/; // of a copy's name: the seq of the event, the number of its file
const MAX_ADOPTED = 70; // characters of a row's name that its event's file has as well

export const isFile = (value) => typeof Blob !== "undefined" && value instanceof Blob;
const isNothing = (value) => (value ?? "") === "" || (isFile(value) && !value.size && !value.name);
const listOf = (value) => [value ?? []].flat().filter((each) => !isNothing(each));

/**
 * What a body says of a file field, as changes by key: files, null, or names to remove; nothing if it stays. `now` is
 * what the row holds: undefined if that is not known. As in PocketBase, new files come behind those that are named, and
 * take the place of all others.
 */
export async function fileChanges(pb, { collection }, [key, field, modifier], { multiple }, value, now) {
  const given = listOf(value);
  const files = given.filter(isFile);
  const names = given.filter((each) => !isFile(each));
  if (modifier === "-") return names.length ? { [`${field}-`]: names } : {};
  if (!multiple && files.length) return { [field]: files.at(-1) };
  if (files.length && (modifier || !names.length)) return { [key]: files };
  if (modifier) return {};
  const held = now === undefined ? undefined : listOf(now);
  if (!names.length) return held && !held.length ? {} : { [field]: null };
  const left = held?.filter((name) => names.includes(name)) ?? names;
  if (JSON.stringify(left) === JSON.stringify(names)) {
    const gone = held?.filter((name) => !names.includes(name)) ?? [];
    return { ...(gone.length && { [`${field}-`]: gone }), ...(files.length && { [`${field}+`]: files }) };
  }
  const message = `"${field}" of ${collection} keeps its files in their order, and takes new ones as files. Add, remove or replace files.`;
  throw await refusal(pb, message, { [field]: { code: "validation_invalid_file", message } });
}

/** The data and the files of an event: in the data, numbers stand for its files. */
export function withNumbers(data) {
  const files = [];
  const numbered = (value) => {
    if (Array.isArray(value) && value.some(isFile)) return value.map(numbered);
    return isFile(value) ? files.push(value) - 1 : value;
  };
  const entries = Object.entries(data ?? {}).map(([key, value]) => [key, numbered(value)]);
  return files.length ? { data: Object.fromEntries(entries), files } : { data };
}

/** A batch of events as a form, which PocketBase takes if there are files. */
export function formOf(requests) {
  const form = new FormData();
  const plain = requests.map(({ body: { files, ...body }, ...request }) => ({ ...request, body }));
  form.append("@jsonPayload", JSON.stringify({ requests: plain }));
  for (const [place, { body }] of requests.entries())
    for (const file of body.files ?? []) form.append(`requests.${place}.files`, file);
  return form;
}

/**
 * The event with its files in place of their numbers, each as `{ name, number, seq, hash }` and what `pb.files.getURL`
 * needs to know its record.
 */
export function withFiles(event, fields) {
  if (!event.files?.length || !event.data) return event;
  const of = (value) => {
    if (!Number.isInteger(value) || !(value in event.files)) return value;
    const record = { collectionId: event.collectionId, collectionName: event.collectionName, id: event.id };
    return { ...record, name: event.files[value], number: value, seq: event.seq, hash: event.file_hashes?.[value] };
  };
  const put = ([key, value]) => {
    const isOfFiles = fields?.get(key.replace(/^\+|[+-]$/g, ""))?.type === "file";
    return [key, !isOfFiles ? value : Array.isArray(value) ? value.map(of) : of(value)];
  };
  return { ...event, data: Object.fromEntries(Object.entries(event.data).map(put)) };
}

/** The files of a list without those whose copies in the row have, or had, these names. */
export function withoutFiles(items, names) {
  const left = [...items];
  for (const name of names) {
    const marked = left.findIndex((file) => isMarked(name, file));
    const place = marked < 0 ? left.findIndex((file) => isOriginal(name, file)) : marked;
    if (place >= 0) left.splice(place, 1);
  }
  return left;
}

function isMarked(name, { seq, number }) {
  const [, ofEvent, ofFile] = MARK.exec(name.split(".")[0]) ?? [];
  return Number(ofEvent) === seq && Number(ofFile) === number;
}

function isOriginal(name, file) {
  const kept = (text) => text.toLowerCase().replace(/[^a-z0-9]/g, "");
  const [given, stored] = [kept(name.split(".")[0].slice(-MAX_ADOPTED)), kept(file.name.split(".")[0])];
  return stored.startsWith(given) && [10, 20, 30].includes(stored.length - given.length);
}

/** The data with the files of earlier events downloaded, for a new event to have as its own. */
export async function downloaded(pb, data, signal) {
  const isStored = (value) => value?.collectionName === "events" && "number" in value;
  if (!Object.values(data ?? {}).flat().some(isStored)) return data;
  const token = await pb.files.getToken({ requestKey: null, signal });
  const of = async (value) => {
    if (Array.isArray(value)) return Promise.all(value.map(of));
    if (!isStored(value)) return value;
    const answer = await fetch(pb.files.getURL(value, value.name, { token }), { signal });
    if (!answer.ok) throw await refusal(pb, `The file ${value.name} can't be read.`, {}, answer.status);
    return new File([await answer.blob()], value.name.replace(/(_[a-z0-9]{10}){1,2}(?=\.|$)/, ""));
  };
  return Object.fromEntries(await Promise.all(Object.entries(data).map(async ([key, value]) => [key, await of(value)])));
}
