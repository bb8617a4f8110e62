// Runs an example of the page, which leaves the address and the user's credentials to whoever runs it.

import { EventSource } from "eventsource";

const { PB_URL, PB_NEAR_URL, PB_EMAIL, PB_PASSWORD } = process.env;
Object.assign(globalThis, { EventSource, url: PB_URL, email: PB_EMAIL, password: PB_PASSWORD, homeUrl: PB_URL, nearUrl: PB_NEAR_URL });
await import(`./${process.argv[2]}`);
