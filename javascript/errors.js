// The errors of the SDK, made here.

/** An error of the SDK's own class, ClientResponseError. The class is taken from an error that costs no request. */
export async function responseError(pb, fields) {
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

/** Whether trying again may help: no answer, too many requests, or a server (or a proxy before it) in trouble. */
export const mayPass = (error) => !error.isAbort && (error.status === 0 || error.status === 429 || error.status >= 500);

const OF_THE_ROW = "PocketBase refused the row: ";
const TOGETHER = /^Rejected together with the event (\S+), which was rejected: /;
const CODES = { "Cannot be blank.": "validation_required", "Value must be unique.": "validation_not_unique" };

/** The sentence of a rejected event, without the part about its group, and the id of the event that caused the rejection. */
export function blame(id, sentence) {
  const found = TOGETHER.exec(sentence);
  return found ? { id: found[1], sentence: sentence.slice(found[0].length) } : { id, sentence };
}

/** What a sentence says of each field, in PocketBase's form: { title: { code, message } }. */
export function fieldsIn(sentence) {
  const of = (field, message) => [field, { code: CODES[message] ?? "validation_invalid_value", message }];
  if (sentence.startsWith(OF_THE_ROW)) {
    const parts = sentence.slice(OF_THE_ROW.length).split(/; (?=\w+: )/);
    return Object.fromEntries(
      parts
        .map((part) => /^(\w+): (.*)$/s.exec(part))
        .filter(Boolean)
        .map((m) => of(m[1], m[2])),
    );
  }
  const named = /^(?:A modifier of |\S+ has no field )?"(\w+)"/.exec(sentence);
  return named ? Object.fromEntries([of(named[1], sentence)]) : {};
}
