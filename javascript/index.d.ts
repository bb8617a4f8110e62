import type PocketBase from "pocketbase";
import type { RecordFullListOptions, RecordModel } from "pocketbase";

export interface EventsOptions {
  /** The attached collections, by name. A signed-in client finds them by itself; a guest's is told here. */
  collections?: string[];
}

/** The client with `events` besides; the services of its collections append events. */
export type WithEvents<Client extends PocketBase> = Client & { readonly events: Events };

export interface Events {}

/**
 * Make a client append events instead of writing the rows of attached collections. It is the same client, and
 * everything else stays as it was.
 */
export function withEvents<Client extends PocketBase>(pb: Client, options?: EventsOptions): WithEvents<Client>;

/** Options that `create`, `update` and `delete` take besides those of the SDK. */
export interface WriteOptions {
  /** Why, in your own words: at most 1,000 characters. */
  reason?: string;
  /** Only if the row's `seq` still is this number; `true`: that of the record in `from`, or in the body. */
  expectedSeq?: number | true;
  /** The record that the change starts from: values that are the same in it are left out. */
  from?: { [field: string]: any };
}

/** An option that reading takes besides those of the SDK. */
export interface ReadOptions {
  /** Show deleted rows, too. */
  deleted?: boolean;
}

/** An event to append; docs/javascript.md has a table of its fields. */
export interface NewEvent {
  type: "create" | "update" | "delete";
  collection: string;
  item_id: string;
  data?: { [field: string]: any } | null;
  actor?: string;
  reason?: string;
  together?: string;
  expected_seq?: number;
  id?: string;
}

/** An event as it is in the log. */
export interface RecordedEvent extends RecordModel {
  seq: number;
  type: "create" | "update" | "delete";
  collection: string;
  item_id: string;
  data: { [field: string]: any } | null;
  actor: string;
  reason: string;
  together: string;
  expected_seq: number;
  timestamp: string;
  event_id: string;
  hash: string;
}

/** A new id, for an event or for an item. */
export function newId(): string;

/** Append an event, and wait until it is recorded. Throws a ClientResponseError with the reason if it is rejected. */
export function appendEvent(pb: PocketBase, event: NewEvent): Promise<RecordedEvent>;

/** Call `onChange` with the rows of a collection now and after every change. Resolves to a function that stops it. */
export function liveRows<Row = RecordModel>(
  pb: PocketBase,
  collection: string,
  onChange: (rows: Row[]) => void,
  options?: RecordFullListOptions,
): Promise<() => void>;
