// What the extension changes in PocketBase's own pages.

import { appendEvents } from "./forms.js";

export function extend(app) {
  appendEvents(app);
}
