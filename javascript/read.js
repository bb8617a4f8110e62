// Reading as if deleted rows were gone: single rows, what rows expand, and realtime.

const TELLING = ["deleted", "collectionName"]; // the fields that say whether a row is to be hidden
const parents = (field) =>
  [...field.matchAll(/expand\.[^.]+\./g)].map(({ 0: last, index }) => field.slice(0, index + last.length));

/**
 * The options with which to read, so that deleted rows can be told, and `show`, which takes them, and what was read
 * for that only, out of a row. `own`: the rows may be deleted themselves, besides those that they expand.
 */
export async function hiding(targets, { deleted, ...options } = {}, own = true) {
  const fields = options.fields ?? options.query?.fields;
  if (deleted || !(own || options.expand || options.query?.expand)) return { options, show: (row) => row };
  const names = fields?.split(",").map((name) => name.trim()) ?? [];
  const all = new Set([...(own && fields ? [""] : []), ...names.flatMap(parents)]);
  const added = [...all]
    .filter((parent) => !names.includes(`${parent}*`))
    .flatMap((parent) => TELLING.map((name) => parent + name))
    .filter((name) => !names.includes(name));
  const attached = await targets.names();

  function show(row, path = "") {
    for (const [name, value] of Object.entries(row.expand ?? {})) {
      const live = [value].flat().filter((each) => !each.deleted || !attached.has(each.collectionName));
      for (const each of live) show(each, `${path}expand.${name}.`);
      if (live.length) row.expand[name] = Array.isArray(value) ? live : value;
      else delete row.expand[name];
    }
    if (row.expand && !Object.keys(row.expand).length) delete row.expand;
    for (const name of TELLING) if (added.includes(path + name)) delete row[name];
    return row;
  }

  return { options: added.length ? { ...options, fields: [...names, ...added].join() } : options, show };
}

/** Realtime: a row that becomes deleted is a `delete`, one that is restored a `create`. */
export async function subscribe(service, topic, callback, options, { own, show }) {
  const gone = new Set();
  let early = own ? [] : undefined; // messages that come before it is known which rows are deleted
  const listen = (message) => (early ? early.push(message) : tell(message));
  const tell = ({ action, record }) => {
    const was = gone.has(record.id);
    if (own && record.deleted) gone.add(record.id);
    else gone.delete(record.id);
    if (gone.has(record.id) && (was || action === "create")) return;
    const said = action !== "update" ? action : gone.has(record.id) ? "delete" : was ? "create" : action;
    callback({ action: said, record: show(record) });
  };
  const end = await service.subscribe(topic, listen, options);
  const filter = topic === "*" ? "deleted = true" : `deleted = true && id = ${JSON.stringify(topic)}`;
  const known = own ? service.getFullList({ filter, fields: "id", requestKey: null }).catch(() => []) : [];
  for (const { id } of await known) gone.add(id);
  const meanwhile = early ?? [];
  early = undefined;
  meanwhile.forEach(tell);
  return end;
}
