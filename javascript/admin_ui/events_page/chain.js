// Checks that recorded events are intact and, if not, says what was done to them: core/chain.py of the worker's package.

import { canonical, hashed } from "./canonical.js";

const UUID4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TIMESTAMP = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z$/;
const HASH = /^[0-9a-f]{64}$/;
const EMPTY = { seq: 0, hash: "" };

const bytes = new TextEncoder();
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Lower-case hex of SHA-256 over an event's dump followed by the hash before it; null if its data can't be read. */
export async function hashOf(event, before) {
  if (event.flaw) return null;
  const digest = await crypto.subtle.digest("SHA-256", bytes.encode(canonical(hashed(event)) + before));
  return Array.from(new Uint8Array(digest), (byte) => HEX[byte]).join("");
}

/** Checks recorded events in the order of their seq, and goes on after a problem, `{ seq, reason }`. */
export class Chain {
  #ids = new Map(); // the seq of the first event with this event_id
  #before = [""]; // the hashes that the next event may rightly follow
  #misfit = null; // an event whose hash is not what it should be: the next event tells which of the two is to blame
  #timestamp = "";
  #aside = null; // an event out of order; the next may follow it or the one before
  events = 0;
  head = EMPTY;

  /**
   * The problems of this event, or of the one before it, which this one reveals. `known`: the hash that it has after
   * another one, `{ before, hash }`, computed ahead.
   */
  async check(event, known = {}) {
    const problems = this.#fields(event);
    this.events += 1;
    const aside = this.#aside;
    if (aside && event.seq === aside.seq + 1 && event.seq !== this.head.seq + 1) {
      this.head = aside;
      this.#before = [aside.hash];
    }
    this.#aside = null;
    const here = { seq: event.seq, hash: event.hash };
    if (!Number.isInteger(event.seq) || event.seq < Math.max(this.head.seq, 1)) {
      this.#aside = here;
      return [...problems, { seq: event.seq, reason: `out of order: seq ${event.seq} after ${this.head.seq}.` }];
    }
    if (event.seq > this.head.seq + 1) {
      problems.push(...this.#settle(null), this.#gap(event.seq));
      this.#before = [event.hash];
    } else if (event.seq === this.head.seq && this.events > 1) {
      problems.push({ seq: event.seq, reason: "duplicate: another event has the same seq." });
      this.#before.push(event.hash);
    } else problems.push(...(await this.#link(event, known)));
    problems.push(...this.#time(event));
    this.head = here;
    return problems;
  }

  /** The problems of the last event, and of the head. */
  end(head) {
    const problems = this.#settle(head.seq === this.head.seq ? head.hash : null);
    if (head.seq !== this.head.seq || head.hash !== this.head.hash) {
      const [says, ends] = [inWords(head), inWords(this.head)];
      problems.push({
        seq: head.seq,
        reason: `the head disagrees with the last event: it says ${says}, not ${ends}.`,
      });
    }
    return problems;
  }

  #time({ seq, timestamp }) {
    if (timestamp === this.#timestamp || !TIMESTAMP.test(timestamp)) return [];
    const before = this.#timestamp;
    this.#timestamp = timestamp;
    return timestamp < before ? [{ seq, reason: `time runs backwards: ${timestamp} after ${before}.` }] : [];
  }

  #gap(seq) {
    const [first, last] = [this.head.seq + 1, seq - 1];
    const missing = first === last ? `seq ${first} is missing` : `seq ${first} to ${last} are missing`;
    return { seq: first, reason: `gap: ${missing}.` };
  }

  /** Check that the event's hash follows from its content and the hash before it. */
  async #link(event, known) {
    const after = (before) => (before === known.before ? known.hash : hashOf(event, before));
    const rightful = await Promise.all(this.#before.map(after));
    const follows = rightful.indexOf(event.hash);
    const problems = this.#settle(follows < 0 ? null : this.#before[follows]);
    this.#before = [event.hash];
    if (follows < 0) {
      this.#misfit = { event, rightful: rightful[0] };
      if (rightful[0] !== null) this.#before.push(rightful[0]);
    }
    return problems;
  }

  /** The problem of an event that does not fit. `follower`: the hash that the next event follows, if any. */
  #settle(follower) {
    const misfit = this.#misfit;
    this.#misfit = null;
    if (!misfit) return [];
    const { seq, hash } = misfit.event;
    const problem = (reason) => [{ seq, reason }];
    if (follower !== null && follower === misfit.rightful)
      return problem("broken link: its hash was overwritten; its content is what was recorded.");
    if (follower === hash) {
      const also = seq > 1 ? `, or seq ${seq - 1} was rewritten, hash and all (a broken link)` : "";
      return problem(`changed: its content no longer gives its hash${also}.`);
    }
    return problem("changed, or a broken link: its content and its hash fit neither each other nor what follows.");
  }

  /** Check the fields that the worker sets. */
  #fields({ seq, event_id: id, timestamp, hash, flaw }) {
    const reasons = [];
    if (!UUID4.test(id)) reasons.push(id ? "its event_id is not a UUID v4." : "lacks its event_id.");
    if (!TIMESTAMP.test(timestamp)) reasons.push(timestamp ? "its timestamp is not a time." : "lacks its timestamp.");
    if (!HASH.test(hash)) reasons.push(hash ? "its hash is not a SHA-256." : "lacks its hash.");
    if (flaw) reasons.push(`its data can't be read: ${flaw}`);
    const earlier = id ? this.#ids.get(id) : undefined;
    if (earlier !== undefined) reasons.push(`its event_id is used twice, by seq ${earlier} before it.`);
    else if (id) this.#ids.set(id, seq);
    return reasons.map((reason) => ({ seq, reason }));
  }
}

const inWords = ({ seq, hash }) =>
  `seq ${seq} (${JSON.stringify([...hash].slice(0, 8).join("")).slice(1, -1) || "no hash"})`;

/**
 * Check pages of recorded events, an async iterable of lists, and then the head. `tell` is called after each page with
 * what is known so far: `{ events, head, problems }`, which is also what it resolves to. The hashes of a page are
 * computed side by side, since each event names the hash of the one before it.
 */
export async function verify(pages, head, tell = () => {}) {
  const chain = new Chain();
  const problems = [];
  let before = "";
  for await (const events of pages) {
    const known = events.map((event, place) => ({ event, before: place ? events[place - 1].hash : before }));
    await Promise.all(known.map(async (each) => (each.hash = await hashOf(each.event, each.before))));
    for (const each of known) problems.push(...(await chain.check(each.event, each)));
    before = events.at(-1)?.hash ?? before;
    tell({ events: chain.events, head: chain.head, problems });
  }
  problems.push(...chain.end(head));
  problems.sort((one, other) => one.seq - other.seq);
  return { events: chain.events, head: chain.head, problems };
}
