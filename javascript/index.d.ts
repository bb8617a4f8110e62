import type PocketBase from "pocketbase";
import type {
  ClientResponseError,
  RecordFullListOptions,
  RecordListOptions,
  RecordModel,
  RecordOptions,
} from "pocketbase";

export interface EventsOptions {
  /** The attached collections, by name. A signed-in client finds them by itself; a guest's is told here. */
  collections?: string[];
  /** Keeps what is not recorded yet, so that it survives a reload: window.localStorage, for example. */
  queue?: Pick<Storage, "getItem" | "setItem" | "removeItem">;
}

/** The client with `events` besides; the services of its collections append events. */
export type WithEvents<Client extends PocketBase> = Client & { readonly events: Events };

/** It dispatches `rejected` if what an earlier page had written can't be recorded. */
export interface Events extends EventTarget {
  /** How many events wait in the queue. */
  readonly queued: number;
  addEventListener(
    type: "rejected",
    listener: (event: CustomEvent<{ error: ClientResponseError; events: NewEvent[] }>) => void,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null): void;
}

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
  /** Files that `data` names by number, counted from 0. */
  files?: Blob[];
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
  /** The names of its files, and the SHA-256 of each. */
  files: string[];
  file_hashes: string[] | null;
}

/** A file of an event, as `history` and `at` show it. `pb.files.getURL(file, file.name, { token })` leads to it. */
export interface EventFile {
  collectionId: string;
  collectionName: string;
  id: string;
  name: string;
  number: number;
  seq: number;
  hash: string;
}

/** One event of a record's history. */
export interface HistoryEntry {
  id: string;
  seq: number;
  timestamp: string;
  type: "create" | "update" | "delete";
  actor: string;
  reason: string;
  together: string;
  item_id: string;
  /** By field: the value before and after. */
  changes: { [field: string]: [old: any, now: any] };
}

/** What an undo did. */
export interface Undone {
  appended: { id: string; seq: number }[];
  /** What was left out, since the field was changed again by `later_seq`. */
  conflicts: { seq: number; field: string; later_seq: number }[];
}

declare module "pocketbase" {
  interface RecordService<M> {
    /** Every event of a record that you may read, in order. */
    history(id: string, options?: { signal?: AbortSignal }): Promise<HistoryEntry[]>;

    /** The rows as they were after the event with that seq, or at that time; with `id`, that one only. */
    at<T = M>(
      seqOrTime: number | string | Date,
      options?: { id?: string; deleted?: boolean; signal?: AbortSignal },
    ): Promise<T[]>;

    /** Take events back, by events that do the opposite. `force`: what was changed again since, too. */
    undo(
      events: number | { seq: number } | (number | { seq: number })[],
      options?: { force?: boolean; reason?: string; signal?: AbortSignal },
    ): Promise<Undone>;

    /** Restore a deleted record. */
    restore<T = M>(id: string, options?: RecordOptions & WriteOptions): Promise<T>;

    /** Every row that changed after that seq, deleted ones included, and then each as it changes, for ever. */
    changes<T = M>(
      options?: RecordListOptions & { after?: number; signal?: AbortSignal },
    ): AsyncGenerator<T & { seq: number; deleted: boolean }>;
  }
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
