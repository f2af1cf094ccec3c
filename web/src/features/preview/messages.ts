/**
 * What the page in the preview tells of itself: its console, and where it is. It comes from a program of
 * somebody's: all of it is hostile, and is text. Pure.
 */

export type Level = "error" | "warn" | "info" | "log";

export interface Said {
  level: Level;
  text: string;
  /** Path and query of the script, where it is one of the page's own. */
  source: string | null;
  line: number | null;
  column: number | null;
  stack: string | null;
}

export type Message = { kind: "console"; said: Said } | { kind: "navigated"; path: string };

/** Longest text and stack that are kept, in UTF-16 units. */
export const MOST_UNITS = 10_000;
const MOST_HREF_UNITS = 4_096;
const MOST_LINE = 100_000_000;

const isLevel = (value: unknown): value is Level =>
  value === "error" || value === "warn" || value === "info" || value === "log";

const textOf = (value: unknown): string | null =>
  typeof value === "string" && value !== "" ? value.slice(0, MOST_UNITS) : null;

const numberOf = (value: unknown): number | null =>
  typeof value === "number" && Number.isSafeInteger(value) && value > 0 && value < MOST_LINE ? value : null;

/** The part of an address behind its origin; null when it has another one. */
function pathOn(origin: string, href: unknown): string | null {
  if (typeof href !== "string" || href.length > MOST_HREF_UNITS) return null;
  try {
    const url = new URL(href, origin);
    return url.origin === origin ? `${url.pathname}${url.search}${url.hash}` : null;
  } catch {
    return null;
  }
}

/** Whether it says where the page is, if it says anything. */
export const isMove = (data: unknown): boolean =>
  typeof data === "object" && data !== null && "alcove" in data && data.alcove === "navigated";

/** `origin`: of the preview. Null when it is none of ours. */
export function readMessage(data: unknown, origin: string): Message | null {
  if (typeof data !== "object" || data === null || !("alcove" in data)) return null;
  const message = data as Record<string, unknown>;
  if (message.alcove === "navigated") {
    const path = pathOn(origin, message.href);
    return path === null ? null : { kind: "navigated", path };
  }
  const text = textOf(message.text);
  if (message.alcove !== "console" || !isLevel(message.level) || text === null) return null;
  return {
    kind: "console",
    said: {
      level: message.level,
      text,
      source: pathOn(origin, message.source),
      line: numberOf(message.line),
      column: numberOf(message.column),
      stack: textOf(message.stack),
    },
  };
}
