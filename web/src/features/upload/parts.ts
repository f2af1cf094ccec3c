/** Sends a file in parts, and goes on where it stood when the connection broke. No browser: the way is handed in. */
import type { Sent } from "./queue";

/** Small enough for proxies that bound a request, large enough that the way there and back does not matter. */
export const PART_BYTES = 8 * 1024 * 1024;
/** For how long nothing may come through until it is given up. Half an upload is kept there for longer. */
export const GIVE_UP_MS = 10 * 60 * 1000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
/** Parts in a row of which nothing is taken in: that is no broken connection. */
const MOST_REFUSED = 3;

/** What is answered to a part: an end, how much has come, or nothing at all. */
export type Answer = Sent | { offset: number } | { broken: true };

export interface Way {
  /** Sends what begins at `offset`; tells how much of it has gone. */
  part: (offset: number, bytes: Blob, told: (bytes: number) => void) => Promise<Answer>;
  /** Whether the file can still be read: it may have been changed or taken away. */
  readable: () => Promise<boolean>;
  /** Waits, or until there is a network again. */
  wait: (ms: number) => Promise<void>;
  now: () => number;
}

/** `told`: how much has gone of all, and whether it waits for the connection. */
export async function sendInParts(
  file: Blob,
  { part, readable, wait, now }: Way,
  told: (bytes: number, waits: boolean) => void,
): Promise<Sent> {
  let offset = 0;
  let came = now();
  let pause = 0;
  let refused = 0;
  for (;;) {
    // After a break an empty part asks how far the last one came.
    const end = pause > 0 ? offset : offset + PART_BYTES;
    const answer = await part(offset, file.slice(offset, end), (bytes) => told(offset + bytes, false));
    if ("broken" in answer) {
      if (!(await readable())) return { error: "It can’t be read any more: was it changed or moved?" };
      if (now() - came >= GIVE_UP_MS) return { error: "The connection broke off, and did not come back." };
      told(offset, true);
      pause = Math.min(LONGEST_WAIT_MS, pause > 0 ? 2 * pause : FIRST_WAIT_MS);
      await wait(pause);
      continue;
    }
    if (!("offset" in answer)) return answer;
    const asked = pause > 0;
    refused = asked || answer.offset > offset ? 0 : refused + 1;
    if (refused >= MOST_REFUSED) return { error: "The repl does not take it in. Try it again." };
    offset = answer.offset;
    came = now();
    pause = 0;
    told(offset, false);
  }
}
