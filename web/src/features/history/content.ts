/** Texts of files in earlier states, and as they are now. */
import { ApiProblem, addresses, fetchBytes } from "../../api/client";
import type { WorkspacePath } from "../../api/protocol.gen";

/** Largest text that is compared or shown, in bytes. */
export const MAX_TEXT_BYTES = 1024 * 1024;

export type Content =
  | { kind: "text"; text: string; hash: string | null }
  | { kind: "absent" }
  | { kind: "binary" }
  | { kind: "large" };

/** `latest`: as it was saved last; `now`: as it is in a repl that runs. */
export type StateName = number | "latest" | "now";

/** Null: it is no text. */
export function textOf(bytes: Uint8Array): string | null {
  if (bytes.includes(0)) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

export async function contentOf(id: string, state: StateName, path: WorkspacePath): Promise<Content> {
  try {
    const address = state === "now" ? addresses.file(id, path) : addresses.stateFile(id, state, path);
    const found = await fetchBytes(address, MAX_TEXT_BYTES);
    if (found === null) return { kind: "large" };
    const text = textOf(found.bytes);
    return text === null ? { kind: "binary" } : { kind: "text", text, hash: found.tag };
  } catch (error) {
    const status = error instanceof ApiProblem ? error.status : 0;
    // A folder or a link is in its place.
    if (status === 404 || status === 409) return { kind: "absent" };
    // It was put to sleep meanwhile: what was saved is what it holds.
    if (status === 503 && state === "now") return contentOf(id, "latest", path);
    throw error;
  }
}
