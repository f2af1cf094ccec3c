/** Sends one file to a repl. By XMLHttpRequest: `fetch` does not tell how much has gone. */
import { addresses } from "../../api/client";
import { encodeTyped } from "../../session/paths";
import type { Send, Sent } from "./queue";

/** From this size on it is looked first whether something is there: the refusal would come too late. */
const LOOK_FIRST_BYTES = 256 * 1024;

export function sender(id: string): Send {
  return async ({ path, file }, overwrite, progress, stop) => {
    const address = addresses.file(id, path);
    if (!overwrite && file.size > LOOK_FIRST_BYTES) {
      const there = await fetch(address, { method: "HEAD", signal: stop }).catch(() => null);
      stop.throwIfAborted();
      if (there?.ok || there?.status === 409) return { exists: true };
    }
    return put(`${address}?overwrite=${overwrite}`, file, progress, stop);
  };
}

function put(
  address: string,
  file: Blob,
  progress: (bytes: number) => void,
  stop: AbortSignal,
): Promise<Sent> {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    stop.addEventListener("abort", abort);
    request.onloadend = () => stop.removeEventListener("abort", abort);
    request.upload.onprogress = ({ loaded }) => progress(loaded);
    request.onabort = () => failed(new DOMException("cancelled", "AbortError"));
    request.onerror = () => done({ error: "The connection broke off, or the file can’t be read." });
    request.onload = () => {
      if (request.status === 201 || request.status === 204) done({ done: true });
      else if (request.status === 409 && !address.endsWith("=true")) done({ exists: true });
      else done({ error: messageOf(request.responseText) });
    };
    request.open("PUT", address);
    request.send(file);
  });
}

function messageOf(body: string): string {
  try {
    const answer: unknown = JSON.parse(body);
    if (typeof answer === "object" && answer !== null && "error" in answer) {
      const { error } = answer;
      if (typeof error === "object" && error !== null && "message" in error) return String(error.message);
    }
  } catch {
    // Not one of the server's own answers.
  }
  return "The server refused it.";
}

/** A name or path of the person's machine, as it is on the wire; null for one that can't be. */
export function wirePath(local: string): string | null {
  const parts = local.split("/").filter((part) => part !== "");
  if (parts.length === 0 || parts.some((part) => part === "." || part === ".." || part.includes("\0"))) {
    return null;
  }
  return encodeTyped(parts.join("/"));
}
