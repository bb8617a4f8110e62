// A service worker that writes: no bundler, no import map.

import PocketBase from "./pocketbase.es.mjs";
import { withEvents } from "./pocketbase-events/index.js";

self.addEventListener("message", async ({ data, ports: [port] }) => {
  const pb = withEvents(new PocketBase(location.origin));
  await pb.collection("users").authWithPassword(data.email, data.password);
  port.postMessage(await pb.collection("items").create({ title: "From a service worker" }));
});
