/** Tests of the words for states. */
import { describe, expect, it } from "vitest";
import type { ReplState } from "../api/protocol.gen";
import {
  ago,
  bytes,
  connectionWords,
  elapsed,
  endedWords,
  limitWords,
  refusedWords,
  replWords,
  resourceWords,
  restoringWords,
  runWords,
  savedWords,
  startingWords,
  usageWords,
  waitingWords,
} from "./words";

const state = (change: Partial<ReplState>): ReplState => ({
  phase: "running",
  detail: null,
  progress: null,
  saved: { state: "saved" },
  unsaved: { files: 0, paths: [], more: false },
  usage: { bytes: 0, files: 0, max_bytes: 10 * 2 ** 30, max_files: 1000 },
  awake: null,
  resources: null,
  network: null,
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
    const progress = { done: 1204, total: 31_880, done_bytes: 0, total_bytes: 0 };
    expect(restoringWords(state({ progress }))).toContain("1,204 of 31,880 files");
    expect(restoringWords(state({ progress: null }))).toBeNull();
    expect(restoringWords(state({ phase: "starting", progress }))).toBeNull();
  });

  it("for a repl that goes on without anybody", () => {
    const until = "2026-01-01T10:42:00Z";
    const running = (awake: ReplState["awake"]) => replWords(state({ awake })).text;
    expect(running({ why: "people", until })).toBe("Running");
    expect(running({ why: "always", until: null })).toBe("Running");
    expect(running({ why: "recent", until })).toMatch(/^Running; stops at .*:42.* if nobody comes$/);
    expect(running({ why: "idle", until })).toMatch(/^Running; stops at .* if nobody does anything$/);
    expect(running({ why: "keep_alive", until: null })).toBe("Running; goes on with nobody there");
    expect(running({ why: "max_life", until })).toMatch(
      /^Running; stops at .*:42.*, having run for as long as it may$/,
    );
    expect(running({ why: "busy", until })).toMatch(/^Running; programs are at work, until .*:42.* at most$/);
  });

  it("for what programs use, and when little is left", () => {
    const GIB = 2 ** 30;
    const resources = {
      memory: GIB,
      max_memory: 2 * GIB,
      processes: 1,
      max_processes: 100,
      cpu: 12,
      killed: 0,
      killed_at: null,
      refused: 0,
      refused_at: null,
      disk: null,
      disk_is_measured: false,
    };
    expect(resourceWords(null)).toBeNull();
    expect(resourceWords(resources)).toEqual({
      used: "1 GiB · 12 % CPU",
      text: "Programs use 1 GiB of 2 GiB of memory, 12 % of a processor, and are 1 process of 100.",
      tight: null,
    });
    expect(resourceWords({ ...resources, memory: 1.8 * GIB - 1 })?.tight).toBeNull();
    expect(resourceWords({ ...resources, memory: 1.8 * GIB })?.tight).toMatch(/^Memory is almost full/);
    expect(resourceWords({ ...resources, processes: 89 })?.tight).toBeNull();
    expect(resourceWords({ ...resources, processes: 90 })?.tight).toMatch(/^90 processes run/);

    const disk = { bytes: 2 * GIB, files: 10, max_bytes: 16 * GIB, max_files: 1000 };
    const on = (change: Partial<typeof disk>) => ({ ...resources, disk: { ...disk, ...change } });
    expect(resourceWords(on({}))?.text).toMatch(/ Its files take 2 GiB of 16 GiB of disk\.$/);
    expect(resourceWords(on({}))?.tight).toBeNull();
    expect(resourceWords(on({ bytes: 14.4 * GIB }))?.tight).toMatch(
      /^The disk is almost full: 14.4 GiB of 16 GiB/,
    );
    expect(resourceWords(on({ files: 900 }))?.tight).toMatch(/room for 1,000 files, and holds 900 files/);
    expect(limitWords(on({ bytes: 16 * GIB - 1, files: 999 }))).toBeNull();
    expect(limitWords(on({ bytes: 16 * GIB }))?.text).toMatch(/^The disk is full \(16 GiB\)/);
    expect(limitWords(on({ files: 1000 }))?.text).toMatch(/^The disk is full \(1,000 files\)/);

    const measured = (bytes: number, files = 1) => ({ ...on({ bytes, files }), disk_is_measured: true });
    expect(limitWords(on({ bytes: 15 * GIB }))).toBeNull();
    expect(limitWords(measured(14.4 * GIB - 1, 899))).toBeNull();
    expect(limitWords(measured(14.4 * GIB))?.text).toMatch(
      /^The disk is almost full: 14.4 GiB of 16 GiB\. .*stopped/,
    );
    expect(limitWords(measured(16 * GIB))?.text).toMatch(/^The disk is full \(16 GiB\), so .* stopped\./);
    expect(limitWords(measured(1, 900))?.text).toMatch(/^The disk is almost full: 900 of 1,000 files\./);

    expect(limitWords(null)).toBeNull();
    expect(limitWords(resources)).toBeNull();
    const killed = { ...resources, killed: 1, killed_at: "2026-01-01T10:42:00Z" };
    expect(limitWords(killed)?.text).toMatch(/^Memory was full at .*:42.* \(2 GiB\)/);
    const size = (memory: number, processes: number) => [
      { name: "large", memory, processes, cpu_weight: 100, disk: null, usual: false },
    ];
    expect(limitWords(killed, size(2 * GIB, 999))?.text).toMatch(
      /or ask whoever runs this server for more\.$/,
    );
    expect(limitWords(killed, size(3 * GIB, 1))?.text).toMatch(/or choose a larger size \(.*\)\.$/);
    const refused = { ...killed, refused: 3, refused_at: "2026-01-01T10:43:00Z" };
    expect(limitWords(refused)?.text).toMatch(/^There were too many processes at .*:43.* \(100\)/);
    expect(limitWords(refused, size(3 * GIB, 100))?.text).toMatch(/or ask whoever/);
    expect(limitWords(refused, size(1, 101))?.text).toMatch(/or choose a larger size/);
    expect(limitWords(refused)?.key).not.toBe(limitWords(killed)?.key);
    expect(limitWords({ ...refused, killed: 2, killed_at: "2026-01-01T10:44:00Z" })?.text).toMatch(/^Memory/);
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
    expect(waitingWords(0, 0, 9)).toMatch(/^The server does not answer/);
    expect(waitingWords(2, 0, 9, false)).toMatch(/^You are offline\. 2 edits waiting/);
    expect(connectionWords({ state: "waiting", nextTryAt: 0, attempt: 1 }, false).text).toBe("Offline");
  });

  it("for a run", () => {
    const ended = { status: "exited", terminal: 1, command: "x", elapsed_ms: 0 } as const;
    expect(runWords({ ...ended, exit_code: 1, stopped: false })).toBe("Ended with exit code 1");
    expect(runWords({ ...ended, exit_code: 137, stopped: true })).toBe("Stopped");
    expect(runWords({ ...ended, exit_code: 0, stopped: false })).toBe("Ended");
    const after = { ...ended, stopped: false, elapsed_ms: 3_000 };
    expect(endedWords({ ...after, exit_code: 1 })).toBe("The program ended with exit code 1 after 0:03.");
    expect(endedWords({ ...after, exit_code: 137 })).toMatch(/was ended by signal 9 \(killed\) after/);
    expect(endedWords({ ...after, exit_code: 255 })).toMatch(/exit code 255/);
    expect(endedWords({ ...after, exit_code: 0 })).toBe("The program ended.");
  });

  it("for a start count what is done", () => {
    const starting = state({
      phase: "starting",
      detail: "Restoring files",
      progress: { done: 1204, total: 31880, done_bytes: 14_200_000, total_bytes: 180_000_000 },
    });
    expect(startingWords(starting)).toMatchObject({
      title: "Restoring files",
      text: "1,204 of 31,880 files, 14 MB of 180 MB",
    });
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

describe("quotas", () => {
  const usage = { bytes: 0, files: 0, max_bytes: 10 * 2 ** 30, max_files: 1000 };

  it("are told of from seven tenths on", () => {
    expect(usageWords({ ...usage, bytes: 7 * 2 ** 30 - 1, files: 699 }, "It holds")).toBeNull();
    expect(usageWords({ ...usage, bytes: 7 * 2 ** 30 }, "It holds")).toEqual({
      text: "It holds 7 GiB of 10 GiB.",
      used: "7 GiB of 10 GiB",
      near: false,
    });
    expect(usageWords({ ...usage, files: 899 }, "It holds")?.near).toBe(false);
  });

  it("are warned of from nine tenths on", () => {
    expect(usageWords({ ...usage, bytes: 9.5 * 2 ** 30 }, "It holds")?.text).toBe(
      "It holds 9.5 GiB of 10 GiB. What is beyond that is not saved.",
    );
    expect(usageWords({ ...usage, files: 900 }, "It holds")).toEqual({
      text: "It holds 900 of 1,000 files. What is beyond that is not saved.",
      used: "900 of 1,000 files",
      near: true,
    });
  });

  it("name some of the files that are too much", () => {
    expect(refusedWords(["workspace/a", "home/b"], 2)).toBe("a, home/b");
    expect(refusedWords(["workspace/a", "workspace/b", "workspace/c", "workspace/d"], 40)).toBe(
      "a, b, c and 37 more",
    );
  });

  it("are seen in what is said of saving", () => {
    const partly = { state: "partly" as const, files: 2, paths: [], message: "" };
    expect(savedWords(partly, 0, 0, true).text).toBe("2 files not saved");
    expect(savedWords(partly, 1, 0, true).text).toBe("Saving…");
  });
});
