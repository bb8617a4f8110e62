// The errors of the SDK, made here.

/** An error of the SDK's own class, ClientResponseError. The class is taken from an error that costs no request. */
async function responseError(pb, fields) {
  const { constructor } = await pb
    .collection("events")
    .getOne("")
    .catch((error) => error);
  return new constructor(fields);
}

export const aborted = (pb) => responseError(pb, { isAbort: true });

/** An error with status 400 and this sentence, as PocketBase shows it, or with another status. */
export const refusal = (pb, message, data = {}, status = 400) =>
  responseError(pb, { status, response: { status, message, data } });

/** What PocketBase says of a record that is not there. */
export const notFound = (pb) => refusal(pb, "The requested resource wasn't found.", {}, 404);

/** Whether trying again may help: no answer, too many requests, or a server (or a proxy before it) in trouble. */
export const mayPass = (error) => !error.isAbort && (error.status === 0 || error.status === 429 || error.status >= 500);

/** Whether a row can't be read: it is not there, or a rule hides it. */
export const isHidden = ({ status }) => status === 403 || status === 404;

const TOGETHER = /^Rejected together with the event (\S+), which was rejected: /;
const OF_THE_ROW = "PocketBase refused the row: ";
const OF_EACH_FIELD = /(?:^|; )(\w+): (.*?)(?=; \w+: |$)/gs;
const OF_ONE_FIELD = /^(?:A modifier of |\S+ has no field )?"(\w+)"/;
const CODES = { "Cannot be blank.": "validation_required", "Value must be unique.": "validation_not_unique" };

/** Why an event was rejected: the id of the event that caused it, the sentence, and PocketBase's form of it, by field. */
export function blame({ id, error }) {
  const group = TOGETHER.exec(error);
  const message = group ? error.slice(group[0].length) : error;
  const one = OF_ONE_FIELD.exec(message);
  const named = message.startsWith(OF_THE_ROW)
    ? [...message.slice(OF_THE_ROW.length).matchAll(OF_EACH_FIELD)].map(([, field, why]) => [field, why])
    : one
      ? [[one[1], message]]
      : [];
  const data = named.map(([field, why]) => [field, { code: CODES[why] ?? "validation_invalid_value", message: why }]);
  return { culprit: group?.[1] ?? id, message, data: Object.fromEntries(data) };
}

/** The error for a rejected event. */
export function rejection(pb, event) {
  const { message, data } = blame(event);
  return refusal(pb, message, data);
}
