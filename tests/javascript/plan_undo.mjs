// Plans undos: cases as JSON on standard input, `[history, seqs, force]` each; their plans on standard output.

import { text } from "node:stream/consumers";

import { planUndo } from "../../javascript/undo.js";

const cases = JSON.parse(await text(process.stdin));
console.log(JSON.stringify(cases.map((given) => planUndo(...given))));
