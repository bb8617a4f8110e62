// A signed-in PocketBase client for the scripts here, configured by the environment.

import { EventSource } from "eventsource";
import PocketBase from "pocketbase";

globalThis.EventSource ??= EventSource; // Node 20 has none of its own

export async function signIn(email = process.env.PB_EMAIL) {
  const { PB_URL, PB_PASSWORD } = process.env;
  const pb = new PocketBase(PB_URL);
  await pb.collection("users").authWithPassword(email, PB_PASSWORD);
  return pb;
}
