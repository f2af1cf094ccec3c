/** Tests of the words for states. */
import { describe, expect, it } from "vitest";
import type { ReplState } from "../api/protocol.gen";
import {
  ago,
  bytes,
  connectionWords,
  elapsed,
  replWords,
  restoringWords,
  runWords,
  savedWords,
  startingWords,
  waitingWords,
} from "./words";

const state = (change: Partial<ReplState>): ReplState => ({
  phase: "running",
  detail: null,
  progress: null,
  saved: { state: "saved" },
  running: false,
  people: 1,
  ...change,
});

describe("words", () => {
  it("for a repl on the dashboard", () => {
    expect(replWords(state({})).text).toBe("Running");
    expect(replWords(state({ phase: "stopped" })).text).toBe("Asleep, all saved");
    expect(replWords(state({ phase: "stopped", saved: { state: "saving" } })).text).toBe(
      "Asleep, not all saved",
    );
    expect(replWords(state({ phase: "failed", detail: "out of memory" })).text).toBe("Failed: out of memory");
    expect(replWords(state({ phase: "starting", detail: "Restoring files" })).text).toBe("Restoring files");
  });

  it("for dependencies that are still being restored beside a running repl", () => {
    const progress = { done: 1204, total: 31_880 };
    expect(restoringWords(state({ progress }))).toContain("1,204 of 31,880 files");
    expect(restoringWords(state({ progress: null }))).toBeNull();
    expect(restoringWords(state({ phase: "starting", progress }))).toBeNull();
  });

  it("for what is saved never claim more than is known", () => {
    const saved = { state: "saved" } as const;
    expect(savedWords(saved, 0, 0, true).text).toBe("All saved on this machine");
    expect(savedWords(saved, 0, 0, false).text).toBe("All saved");
    expect(savedWords(saved, 1, 0, true).text).toBe("Saving…");
    expect(savedWords(saved, 0, 1, true).text).toBe("Saving…");
    expect(savedWords({ state: "saving" }, 0, 0, true).text).toBe("Saving…");
    expect(savedWords({ state: "failing", since: null, message: "" }, 0, 0, true).text).toMatch(/^Not saved/);
    expect(
      savedWords({ state: "failing", since: "2026-01-01T10:42:00Z", message: "" }, 0, 0, true).text,
    ).toMatch(/^Not saved since .*:42/);
  });

  it("for the connection are never numbers of a protocol", () => {
    expect(connectionWords({ state: "connected", roundTripMs: 12 }).text).toBe("Connected · 12 ms");
    expect(connectionWords({ state: "closed", reason: "stopped", message: "" }).text).toBe("Not connected");
    expect(waitingWords(1, 12)).toBe(
      "Reconnecting… 1 edit and 12 keys waiting; they are kept here and sent then.",
    );
    expect(waitingWords(0, 0)).toMatch(/go on typing/);
  });

  it("for a run", () => {
    const ended = { status: "exited", terminal: 1, command: "x", elapsed_ms: 0 } as const;
    expect(runWords({ ...ended, exit_code: 1, stopped: false })).toBe("Ended with exit code 1");
    expect(runWords({ ...ended, exit_code: 137, stopped: true })).toBe("Stopped");
    expect(runWords({ ...ended, exit_code: 0, stopped: false })).toBe("Ended");
  });

  it("for a start count what is done", () => {
    const starting = state({
      phase: "starting",
      detail: "Restoring files",
      progress: { done: 1204, total: 31880 },
    });
    expect(startingWords(starting)).toMatchObject({ title: "Restoring files", text: "1,204 of 31,880" });
    expect(startingWords(undefined).part).toBe(null);
  });

  it("for times and sizes", () => {
    expect([elapsed(7_000), elapsed(750_000), elapsed(3_723_000), elapsed(-5)]).toEqual([
      "0:07",
      "12:30",
      "1:02:03",
      "0:00",
    ]);
    expect([bytes(1), bytes(999), bytes(1_500), bytes(20_000_000)]).toEqual([
      "1 byte",
      "999 bytes",
      "1.5 kB",
      "20 MB",
    ]);
    const now = new Date("2026-11-24T12:00:00");
    const at = (text: string) => ago(new Date(text).toISOString(), now);
    expect(at("2026-11-24T11:59:50")).toBe("just now");
    expect(at("2026-11-24T11:55:00")).toBe("5 min ago");
    expect(at("2026-11-24T09:00:00")).toBe("3 h ago");
    expect(at("2026-11-23T09:00:00")).toBe("yesterday");
    expect(at("2026-11-12T09:00:00")).toBe("12 Nov");
    expect(ago("nonsense", now)).toBe("at an unknown time");
  });
});
