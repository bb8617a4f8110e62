// Realtime as if deleted rows were gone: a row that becomes deleted is a `delete`, one that is restored a `create`.

const REMEMBERED = 1000; // deleted rows, the latest, that are known when the subscription begins

export async function subscribe(service, topic, callback, options) {
  const { fields, unasked } = withDeleted(options?.fields ?? options?.query?.fields);
  const gone = new Set();
  const listen = ({ action, record }) => {
    const was = gone.has(record.id);
    if (record.deleted) gone.add(record.id);
    else gone.delete(record.id);
    if (record.deleted && (was || action === "create")) return;
    const said = action !== "update" ? action : record.deleted ? "delete" : was ? "create" : action;
    if (unasked) delete record.deleted;
    callback({ action: said, record });
  };
  const end = await service.subscribe(topic, listen, fields ? { ...options, fields } : options);
  const known = { filter: "deleted = true", fields: "id", sort: "-@rowid", skipTotal: true, requestKey: null };
  if (topic !== "*") known.filter += ` && id = ${JSON.stringify(topic)}`;
  const { items } = await service.getList(1, topic === "*" ? REMEMBERED : 1, known).catch(() => ({ items: [] }));
  for (const { id } of items) gone.add(id);
  return end;
}

/** The option `fields` with `deleted`, and whether the caller had not asked for it. */
export function withDeleted(fields) {
  const names = fields?.split(",").map((name) => name.trim());
  const unasked = !!names && !names.includes("*") && !names.includes("deleted");
  return { fields: unasked ? `${fields},deleted` : fields, unasked };
}
