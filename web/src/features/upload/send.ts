/** The way of an upload to a repl. By XMLHttpRequest: `fetch` does not tell how much has gone. */
import { addresses } from "../../api/client";
import { encodeTyped } from "../../session/paths";
import { type Answer, sendInParts } from "./parts";
import type { Send } from "./queue";

/** From this size on it is looked first whether something is there: the refusal would come too late. */
const LOOK_FIRST_BYTES = 256 * 1024;

export function sender(id: string): Send {
  return async ({ path, file }, overwrite, told, stop) => {
    if (!overwrite && file.size > LOOK_FIRST_BYTES) {
      const look = { method: "HEAD", signal: stop };
      const there = await fetch(addresses.file(id, path), look).catch(() => null);
      stop.throwIfAborted();
      if (there?.ok || there?.status === 409) return { exists: true };
    }
    const upload = newId();
    const abandon = () => {
      // Once nobody sends any more; what is not told now is forgotten there by itself.
      void fetch(addresses.upload(id, upload), { method: "DELETE", keepalive: true }).catch(() => {});
    };
    stop.addEventListener("abort", abandon);
    try {
      const address = addresses.upload(id, upload, path, overwrite);
      return await sendInParts(
        file,
        {
          part: (offset, bytes, gone) =>
            put(address, { overwrite, offset, length: file.size, bytes }, gone, stop),
          readable: () => canBeRead(file),
          wait: (ms) => pause(ms, stop),
          now: () => performance.now(),
        },
        told,
      );
    } finally {
      stop.removeEventListener("abort", abandon);
    }
  };
}

/** Not by `crypto.randomUUID`, which plain http has not. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

interface Part {
  overwrite: boolean;
  offset: number;
  /** Of the whole file. */
  length: number;
  bytes: Blob;
}

function put(
  address: string,
  { overwrite, offset, length, bytes }: Part,
  gone: (bytes: number) => void,
  stop: AbortSignal,
): Promise<Answer> {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    stop.addEventListener("abort", abort);
    request.onloadend = () => stop.removeEventListener("abort", abort);
    request.upload.onprogress = ({ loaded }) => gone(loaded);
    request.onabort = () => failed(new DOMException("cancelled", "AbortError"));
    request.onerror = () => done({ broken: true });
    request.onload = () => done(answerOf(request, overwrite));
    request.open("PUT", address);
    request.setRequestHeader("Upload-Offset", String(offset));
    request.setRequestHeader("Upload-Length", String(length));
    request.send(bytes);
  });
}

function answerOf(request: XMLHttpRequest, overwrite: boolean): Answer {
  switch (request.status) {
    case 201:
    case 204:
      return { done: true };
    case 202:
      return { offset: Number(request.getResponseHeader("Upload-Offset")) };
    // From a proxy whose server is away.
    case 502:
    case 504:
      return { broken: true };
    // Where it may be replaced, it is a folder.
    case 409:
      if (!overwrite) return { exists: true };
  }
  return { error: messageOf(request.responseText) };
}

function canBeRead(file: Blob): Promise<boolean> {
  return file
    .slice(0, 1)
    .arrayBuffer()
    .then(
      () => true,
      () => false,
    );
}

/** Ends early once there is a network again. */
function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((done, failed) => {
    const ended = new AbortController();
    const end = (how: () => void) => () => {
      ended.abort();
      window.clearTimeout(timer);
      how();
    };
    const timer = window.setTimeout(end(done), ms);
    const { signal } = ended;
    window.addEventListener("online", end(done), { signal });
    const cancelled = () => failed(new DOMException("cancelled", "AbortError"));
    stop.addEventListener("abort", end(cancelled), { signal });
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
