import { describe, expect, it } from "vitest";
import type { PortInfo } from "../../api/protocol.gen";
import { Value } from "../../session/value";
import { Planter } from "./planter";

function setUp() {
  const ports = new Value<PortInfo[] | null>(null);
  const life = new Value(0);
  const asked: number[] = [];
  const failing = new Set<number>();
  const planter = new Planter(ports, life, async (port) => {
    asked.push(port);
    if (failing.has(port)) throw new Error("refused");
  });
  const announce = (...now: number[]) => ports.set(now.map((port) => ({ port, process: "" })));
  return { planter, life, asked, failing, announce };
}

describe("the planter", () => {
  it("plants for every port but the shown one, once, also for those that come later", async () => {
    const { planter, asked, announce } = setUp();
    await planter.beside(5173);
    announce(5173, 8000);
    await Promise.all([planter.beside(5173), planter.beside(5173)]);
    expect(asked).toEqual([8000]);
    announce(5173, 8000, 9000);
    await planter.beside(5173);
    expect(asked).toEqual([8000, 9000]);
  });

  it("begins anew in another life of the runner", async () => {
    const { planter, life, asked, announce } = setUp();
    announce(5173, 8000);
    await planter.beside(5173);
    life.set(1);
    await planter.beside(5173);
    await planter.beside(5173);
    expect(asked).toEqual([8000, 8000]);
  });

  it("says nothing of a failure, and tries it again the next time", async () => {
    const { planter, asked, failing, announce } = setUp();
    announce(5173, 8000, 9000);
    failing.add(8000);
    await planter.beside(5173);
    failing.clear();
    await planter.beside(5173);
    await planter.beside(5173);
    expect(asked).toEqual([8000, 9000, 8000]);
  });

  it("leaves it at eight", async () => {
    const { planter, asked, announce } = setUp();
    announce(...Array.from({ length: 20 }, (_, i) => 3000 + i));
    await planter.beside(3002);
    expect(asked).toEqual([3000, 3001, 3003, 3004, 3005, 3006, 3007, 3008]);
  });
});
