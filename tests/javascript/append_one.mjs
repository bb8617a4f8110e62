// Appends the one event that is given as JSON, and prints its record once it is recorded.

import { appendEvent } from "pocketbase-events";
import { signIn } from "./client.mjs";

console.log(JSON.stringify(await appendEvent(await signIn(), JSON.parse(process.argv[2]))));
process.exit(); // after a lost connection, eventsource 4.1 would keep Node waiting for a timer of 3 seconds
