import { describe, expect, it } from "vitest";
import { networkOf, networkWords } from "./networks";

describe("what a repl may reach", () => {
  it("is what was chosen, or as much as there is", () => {
    expect(networkOf("none", ["none", "internet"])).toBe("none");
    expect(networkOf("registries", ["none", "registries", "internet"])).toBe("registries");
    expect(networkOf(undefined, ["none", "internet"])).toBe("internet");
    expect(networkOf("internet", ["none"])).toBe("none");
    expect(networkOf(undefined, [])).toBeUndefined();
  });

  it("holds from the next start on, and says what is reached now", () => {
    expect(networkWords("none", null)).toMatch(/A change holds from the next start on/);
    expect(networkWords("none", "none")).toMatch(/A change holds from the next start on/);
    expect(networkWords("none", "internet")).toMatch(/from the next start on; now they reach the internet/);
    expect(networkWords("registries", "internet")).toMatch(/^Packages can be installed/);
    expect(networkWords("internet", "none")).toMatch(/now they reach nothing outside/);
  });
});
