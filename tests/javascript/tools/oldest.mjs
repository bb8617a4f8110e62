// Lets a script have the oldest SDK that is supported: node --import oldest.mjs SCRIPT.

import { register } from "node:module";

const oldest = import.meta.resolve("./node_modules/pocketbase-oldest/dist/pocketbase.es.mjs");
const hook = `export const resolve = (name, context, next) => next(name === "pocketbase" ? "${oldest}" : name, context)`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);
