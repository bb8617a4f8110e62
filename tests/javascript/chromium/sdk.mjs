// The SDK, but each client is signed in by itself: in a page, clients share what is in the page's storage.

import PocketBase, { BaseAuthStore } from "./pocketbase.es.mjs";

export * from "./pocketbase.es.mjs";
export default class extends PocketBase {
  constructor(url) {
    super(url, new BaseAuthStore());
  }
}
