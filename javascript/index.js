// PocketBase's JavaScript SDK, with a history: docs/javascript.md of pocketbase-events explains its use.

export { appendEvent, newId } from "./append.js";
export { withEvents } from "./client.js";
export { liveRows } from "./live.js";
