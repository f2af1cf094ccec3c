/** What is to come into a new repl, from when it is chosen until the repl runs. */
import type { Upload } from "../upload/queue";

export type Pending = { kind: "archive"; name: string; file: File } | { kind: "folder"; uploads: Upload[] };

/** Files can't be written into an address: they wait here, by the repl's id, while this page is open. */
const waiting = new Map<string, Pending>();

export function keepFor(id: string, pending: Pending): void {
  waiting.set(id, pending);
}

export function take(id: string): Pending | null {
  const pending = waiting.get(id) ?? null;
  waiting.delete(id);
  return pending;
}

const cloneKey = (id: string) => `alcove.clone.${id}`;

/**
 * A repository that is to come into a repl. It may have a password in its address, so it stands in none of the
 * page's; it survives a reload before it has begun.
 */
export function keepClone(id: string, url: string): void {
  sessionStorage.setItem(cloneKey(id), url);
}

export function takeClone(id: string): string | null {
  const url = sessionStorage.getItem(cloneKey(id));
  sessionStorage.removeItem(cloneKey(id));
  return url;
}
