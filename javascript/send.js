// The SDK's options of a request: which of them concern sending, and which reading.

const SENDING = ["headers", "fetch", "cache", "credentials", "integrity", "keepalive", "mode", "redirect", "referrer"];
const NOT_READING = ["body", "method", "requestKey", "$autoCancel", "$cancelKey", "reason", "expectedSeq", "from"];
const pick = (options, take) => Object.fromEntries(Object.entries(options).filter(([name]) => take(name)));

/** Those for reading what was written. */
export function reading({ deleted, ...options }, signal) {
  return { ...pick(options, (name) => !NOT_READING.includes(name)), requestKey: null, signal };
}

/** Those to send events as the SDK would send the caller's own request, and a signal that aborts in the same cases. */
export function cancellable(options, key) {
  const controller = new AbortController();
  const { signal } = controller;
  const kept = pick(options, (name) => SENDING.includes(name));
  const spy = (url, config) => {
    config.signal?.addEventListener("abort", () => controller.abort());
    return (kept.fetch ?? fetch)(url, config);
  };
  const off = options.requestKey === null || options.$autoCancel === false;
  const requestKey = off ? null : (options.requestKey ?? options.$cancelKey ?? key);
  // The SDK cancels the request before when it sees a key again, so only the first attempt has it.
  let next = { ...kept, fetch: spy, signal: options.signal, requestKey };
  const sending = () => {
    const given = next;
    next = { ...kept, requestKey: null, signal };
    return given;
  };
  return { sending, signal };
}
