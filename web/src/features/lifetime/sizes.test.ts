import { describe, expect, it } from "vitest";
import type { ReplSettings, ReplSize, Resources } from "../../api/protocol.gen";
import { asOffered, holdsWords, sizeOf, sizeWords } from "./sizes";

const MIB = 2 ** 20;
const size = (name: string, change: Partial<ReplSize> = {}): ReplSize => ({
  name,
  memory: 2048 * MIB,
  processes: 512,
  cpu_weight: 100,
  disk: null,
  usual: false,
  ...change,
});
const small = size("small", { memory: 512 * MIB, processes: 256, cpu_weight: 50, disk: 4096 * MIB });
const standard = size("standard", { usual: true });

describe("what a repl may use", () => {
  it("is the size that was chosen, or the usual one", () => {
    const sizes = [small, standard];
    expect(sizeOf("small", sizes)).toBe(small);
    expect(sizeOf(undefined, sizes)).toBe(standard);
    expect(sizeOf("gone", sizes)).toBe(standard);
  });

  it("is asked for only as the server offers it", () => {
    const offered: Parameters<typeof asOffered>[1] = {
      repl_sizes: [small, standard],
      repl_networks: ["none"],
    };
    const may: ReplSettings = { size: "small", network: "none", idle_minutes: 7 };
    expect(asOffered(may, offered)).toEqual(may);
    const mayNot: ReplSettings = { size: "gone", network: "internet", idle_minutes: 7 };
    expect(asOffered(mayNot, offered)).toEqual({ idle_minutes: 7 });
  });

  it("is said as the operator says it", () => {
    expect(sizeWords(small)).toBe(
      "512 MiB of memory, 256 processes, 4 GiB of disk, 50 % of a usual share of the processors",
    );
    expect(sizeWords(standard)).toBe("2 GiB of memory, 512 processes");
  });

  it("holds from the next start on, and says what it runs with", () => {
    const asStandard: Resources = {
      memory: 0,
      max_memory: 2048 * MIB,
      processes: 1,
      max_processes: 512,
      cpu: 0,
      killed: 0,
      killed_at: null,
      refused: 0,
      refused_at: null,
      disk: null,
      disk_is_measured: false,
    };
    expect(holdsWords(small, null)).toBe("A change holds from the next start on.");
    expect(holdsWords(standard, asStandard)).toBe("A change holds from the next start on.");
    expect(holdsWords(small, asStandard)).toMatch(/from the next start on; now it runs with 2 GiB of memory/);
  });
});
