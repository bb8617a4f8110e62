// Appends the one event that is given as JSON, and prints its record once it is recorded.

import { appendEvent } from "./append.mjs";
import { signIn } from "./client.mjs";

console.log(JSON.stringify(await appendEvent(await signIn(), JSON.parse(process.argv[2]))));
