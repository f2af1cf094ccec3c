import { describe, expect, it } from "vitest";
import { boundsOf, timeWords, typedNumber } from "./bounds";

describe("how long a repl runs", () => {
  it("is within what the server allows", () => {
    const bounds = boundsOf({
      wake_on_touch: true,
      keep_alive_allowed: true,
      grace_seconds: 300,
      max_grace_seconds: 3600,
      idle_seconds: 90,
      max_idle_seconds: null,
      max_life_seconds: null,
    });
    expect(bounds.grace_minutes).toEqual({ least: 0, most: 60, usual: "5 min", hint: "5" });
    expect(bounds.idle_minutes).toEqual({ least: 1, most: 525_600, usual: "90 s", hint: "" });
    expect(bounds.max_life_hours).toEqual({ least: 1, most: 8760, usual: "never", hint: "" });
  });

  it("is told in the largest unit that fits", () => {
    expect(timeWords(7200)).toBe("2 h");
    expect(timeWords(0)).toBe("0 min");
    expect(timeWords(5400)).toBe("90 min");
  });

  it("is a whole number within its bounds, or nothing", () => {
    const bounds = { least: 1, most: 60, usual: "", hint: "" };
    expect(typedNumber(" ", bounds)).toBeUndefined();
    expect(typedNumber("1", bounds)).toBe(1);
    expect(typedNumber("60", bounds)).toBe(60);
    for (const bad of ["0", "61", "1.5", "x", "-1"]) expect(typedNumber(bad, bounds)).toBeNull();
  });
});
