// Verify: the whole chain, recomputed in the browser.

import { verify } from "./chain.js";
import { status, wholeLog } from "./reading.js";
import { button, count, counted, fill } from "./words.js";

const SHOWN = 50; // problems in the list
const INSECURE =
  "This page was loaded over plain http, and browsers compute hashes only over https or on localhost." +
  " Verify from a shell: pocketbase-events verify";

/** Open the dialog, and begin. `open(seq)` shows an event. */
export function openVerify(app, open) {
  const stop = new AbortController();
  const bar = t.progress({ className: "events-progress", max: 1, value: 0, ariaLabel: "Events checked" });
  const words = t.p({ className: "txt-hint" }, "Reading the log…");
  const verdict = t.div({ className: "events-verdict", role: "status" });
  const close = button("Stop", null, "transparent", () => app.modals.close(modal));
  const modal = t.div(
    {
      className: "modal popup sm events-verify",
      onafterclose: (el) => {
        stop.abort();
        el.remove();
      },
    },
    t.header({ className: "modal-header" }, t.h5({ className: "modal-title" }, "Verify the log")),
    t.div({ className: "modal-content" }, bar, words, verdict),
    t.footer({ className: "modal-footer" }, close),
  );
  // PocketBase listens for Escape on the dialog itself alone.
  modal.addEventListener(
    "keydown",
    ({ key, target }) => key === "Escape" && target !== modal && app.modals.close(modal),
  );
  document.body.append(modal);
  app.modals.open(modal);
  const show = (kind, ...content) => fill(verdict, t.div({ className: `alert ${kind}` }, ...content));
  run(app, stop.signal, bar, words)
    .then((found) => {
      const goTo = (seq) => (app.modals.close(modal, true), open(seq));
      if (found) show(found.problems.length ? "danger" : "success", ...verdictView(found, goTo));
    })
    .catch((error) => !stop.signal.aborted && show("danger", error.message))
    .finally(() => (close.querySelector(".txt").textContent = "Close"));
}

async function run(app, signal, bar, words) {
  if (!globalThis.crypto?.subtle) throw new Error(INSECURE);
  const head = await status(app.pb);
  const to = Math.max(head.seq, head.last_seq);
  const began = performance.now();
  const found = await verify(wholeLog(app.pb, to, signal), head, ({ events }) => {
    signal.throwIfAborted();
    bar.value = to ? events / to : 1;
    words.textContent = `${count(events)} of ${counted(to, "event")} checked`;
  });
  bar.value = 1;
  const seconds = (performance.now() - began) / 1000;
  words.textContent = `${counted(found.events, "event")} checked in ${seconds.toFixed(1)} s, in this browser.`;
  return found;
}

function verdictView({ events, head, problems }, goTo) {
  if (!problems.length) {
    return [
      t.p({ className: "txt-bold" }, events ? "The log is what was recorded." : "The log is empty."),
      events
        ? t.p(
            null,
            `Every hash follows from its event and the hash before it, up to the head, event ${count(head.seq)}:`,
          )
        : null,
      events ? t.p({ className: "txt-code events-hash" }, head.hash) : null,
      events
        ? t.small(null, "Keep the head's hash: a log that leads to it again later has kept all of these events.")
        : null,
    ];
  }
  const link = ({ seq, reason }) =>
    t.li(
      null,
      t.button({ type: "button", className: "link-primary txt-bold", onclick: () => goTo(seq) }, `Event ${count(seq)}`),
      `: ${reason}`,
    );
  const [first, ...others] = problems;
  return [
    t.p({ className: "txt-bold" }, `The log is not what was recorded. It breaks at event ${count(first.seq)}.`),
    t.ul({ className: "events-problems" }, ...[first, ...others.slice(0, SHOWN - 1)].map(link)),
    problems.length > SHOWN
      ? t.p(null, `And ${count(problems.length - SHOWN)} more. See: pocketbase-events verify`)
      : null,
  ];
}
