// What the extension changes in PocketBase's own pages.

import { explainCollections } from "./collections.js";
import { extendForms } from "./record_form.js";
import { appendEvents } from "./writing.js";

export function extend(app) {
  const { attached, forms } = appendEvents(app);
  extendForms(app, attached, forms);
  explainCollections(app, attached);
}
