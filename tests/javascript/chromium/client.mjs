// A signed-in PocketBase client for the scripts here, configured as in Node.

import PocketBase from "pocketbase";

export async function signIn(email = process.env.PB_EMAIL) {
  const pb = new PocketBase(location.origin);
  await pb.collection("users").authWithPassword(email, process.env.PB_PASSWORD);
  return pb;
}
