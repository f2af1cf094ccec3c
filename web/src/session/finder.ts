/** Finds files by some letters of their path. Only the newest question is answered. */
import type { FileName } from "../api/protocol.gen";
import { RequestError, type SessionSocket } from "./socket";
import { Value } from "./value";

export interface Found {
  /** What was asked. */
  query: string;
  files: FileName[];
  /** How many files there are; `whole`: all of them were looked at. */
  of: number;
  whole: boolean;
}

/** The runner takes no longer question. */
const MOST_UNITS = 80;

export class Finder {
  /** Null before the first answer; the last one stays until the next is there. */
  readonly found = new Value<Found | null>(null);
  readonly problem = new Value<string | null>(null);
  private asked = 0;

  constructor(private readonly socket: SessionSocket) {}

  find(text: string): void {
    const query = text.slice(0, MOST_UNITS);
    const number = ++this.asked;
    this.socket
      .request({ type: "files_find", query }, "files_found", (answer) => {
        if (number !== this.asked) return;
        this.problem.set(null);
        this.found.set({ query, files: answer.found, of: answer.files, whole: answer.whole });
      })
      .catch((error: unknown) => {
        if (number !== this.asked) return;
        const lost = error instanceof RequestError && error.code === "disconnected";
        this.problem.set(
          lost
            ? "Files can be found once there is a connection. Those that you used last are here."
            : error instanceof Error
              ? error.message
              : "Files can’t be found now.",
        );
      });
  }
}
