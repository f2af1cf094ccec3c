/** Tests of what an upload does when its connection breaks. */
import { expect, it } from "vitest";
import { type Answer, GIVE_UP_MS, PART_BYTES, sendInParts, type Way } from "./parts";

/** The other end: takes parts in as it is told to, and remembers what it has. */
function setUp(size: number, answers: (n: number, offset: number, bytes: number) => Answer | "take") {
  const world = {
    stands: 0,
    parts: [] as [number, number][],
    waits: [] as number[],
    time: 0,
    readable: true,
  };
  const told: [number, boolean][] = [];
  const way: Way = {
    part: async (offset, bytes, gone) => {
      gone(bytes.size);
      world.parts.push([offset, bytes.size]);
      const answer = answers(world.parts.length, offset, bytes.size);
      if (answer !== "take") return answer;
      if (offset === world.stands) world.stands += bytes.size;
      return world.stands === size ? { done: true } : { offset: world.stands };
    },
    readable: async () => world.readable,
    wait: async (ms) => {
      world.waits.push(ms);
      world.time += ms;
    },
    now: () => world.time,
  };
  const file = new Blob([new Uint8Array(size)]);
  const sent = () => sendInParts(file, way, (bytes, waits) => told.push([bytes, waits]));
  return { world, told, sent };
}

it("a file goes part by part, and an empty one in one", async () => {
  const size = 2 * PART_BYTES + 3;
  const { world, sent } = setUp(size, () => "take");
  expect(await sent()).toEqual({ done: true });
  expect(world.parts).toEqual([
    [0, PART_BYTES],
    [PART_BYTES, PART_BYTES],
    [2 * PART_BYTES, 3],
  ]);
  expect(await setUp(0, () => "take").sent()).toEqual({ done: true });
});

it("after a break it asks how far the last part came, and goes on there", async () => {
  const size = 2 * PART_BYTES;
  const { world, told, sent } = setUp(size, (n) => {
    if (n === 2) world.stands += 1_000;
    return n === 2 || n === 3 ? { broken: true } : "take";
  });
  expect(await sent()).toEqual({ done: true });
  expect(world.parts.slice(2)).toEqual([
    [PART_BYTES, 0],
    [PART_BYTES, 0],
    [PART_BYTES + 1_000, PART_BYTES - 1_000],
  ]);
  expect(told.filter(([, waits]) => waits)).toEqual([
    [PART_BYTES, true],
    [PART_BYTES, true],
  ]);
  expect(world.waits).toEqual([500, 1_000]);
});

it("what the other end has forgotten begins anew", async () => {
  const { world, sent } = setUp(2 * PART_BYTES, (n) => {
    if (n === 2) world.stands = 0;
    return n === 2 ? { offset: 0 } : "take";
  });
  expect(await sent()).toEqual({ done: true });
  expect(world.parts.slice(2).map(([offset]) => offset)).toEqual([0, PART_BYTES]);
});

it("a connection that does not come back is given up in the end, with words", async () => {
  const { world, sent } = setUp(10, () => ({ broken: true }));
  expect(await sent()).toEqual({ error: expect.stringContaining("did not come back") });
  expect(world.time).toBeGreaterThanOrEqual(GIVE_UP_MS);
  expect(Math.max(...world.waits)).toBe(15_000);
});

it("a file that can’t be read any more is no broken connection", async () => {
  const { world, sent } = setUp(10, () => ({ broken: true }));
  world.readable = false;
  expect(await sent()).toEqual({ error: expect.stringContaining("read") });
  expect(world.waits).toEqual([]);
});

it("an end that takes nothing in is not asked for ever", async () => {
  const { world, sent } = setUp(10, () => ({ offset: 0 }));
  expect(await sent()).toEqual({ error: expect.stringContaining("take") });
  expect(world.parts).toHaveLength(3);
});

it("what is there already, and what is refused, is told as it is", async () => {
  expect(await setUp(10, () => ({ exists: true })).sent()).toEqual({ exists: true });
  expect(await setUp(10, () => ({ error: "full" })).sent()).toEqual({ error: "full" });
});
