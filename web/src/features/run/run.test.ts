/** Tests of the form of run configurations, and of what is suggested. */
import { describe, expect, it } from "vitest";
import type { ProjectInfo } from "../../api/protocol.gen";
import type { RunView } from "../../session/session";
import { configurations, draftsOf, isSame, problems } from "./draft";
import { expectedPorts, namesToRun } from "./names";
import { suggestions } from "./suggest";

const project: ProjectInfo = {
  run_command: "npm run dev",
  run_port: 5173,
  runs: [{ name: "Tests", command: "npm test", port: null }],
  open: [],
  error: null,
};

describe("the form", () => {
  it("leads back to what it was made from", () => {
    const { run, runs } = configurations(draftsOf(project));
    expect(run).toEqual({ command: "npm run dev", port: 5173 });
    expect(runs).toEqual(project.runs);
    expect(problems(draftsOf(project))).toEqual([]);
  });

  it("names what is wrong, and where", () => {
    const wrong = (change: Partial<ReturnType<typeof draftsOf>[number]>) =>
      problems(draftsOf(project).map((d) => (d.key === 1 ? { ...d, ...change } : d))).map((p) => p.field);
    expect(wrong({ name: " " })).toEqual(["name"]);
    expect(wrong({ name: " Run " })).toEqual(["name"]);
    expect(wrong({ name: "x".repeat(41) })).toEqual(["name"]);
    expect(wrong({ command: "" })).toEqual(["command"]);
    for (const port of ["0", "65536", "x", "1.5", "-1"]) expect(wrong({ port }), port).toEqual(["port"]);
    for (const port of ["", " ", "1", " 65535 "]) expect(wrong({ port }), port).toEqual([]);
  });

  it("knows whether anything was changed", () => {
    const begun = draftsOf(project);
    expect(isSame(draftsOf(project), begun)).toBe(true);
    expect(isSame(begun.slice(1), begun)).toBe(false);
    for (const part of [{ name: "Other" }, { command: "ls" }, { port: "80" }])
      expect(
        isSame([{ ...begun[0], key: 7, ...part } as (typeof begun)[number], ...begun.slice(1)], begun),
      ).toBe(false);
  });

  it("lets the main one be empty", () => {
    expect(problems(draftsOf({ ...project, run_command: "" }))).toEqual([]);
  });
});

describe("suggestions", () => {
  it("knows a project by its files", () => {
    expect(suggestions(["go.mod", "Makefile"], null)).toEqual(["go run .", "make"]);
    expect(suggestions([], null)).toEqual([]);
  });

  it("installs first what is not there", () => {
    const packageJson = JSON.stringify({ scripts: { start: "x", dev: "y", lint: "z" } });
    expect(suggestions(["package.json"], packageJson)).toEqual([
      "npm install && npm run dev",
      "npm install && npm start",
    ]);
    expect(suggestions(["package.json", "node_modules"], packageJson)[0]).toBe("npm run dev");
    expect(suggestions(["package.json"], "{")).toEqual([]);
  });
});

describe("what can be run", () => {
  const running: RunView = {
    run: { status: "running", terminal: 1, command: "x", elapsed_ms: 0, setup: false },
    startedAt: 0,
  };

  it("is what the project says, and what goes on though it does not say so any more", () => {
    const runs = new Map([
      ["Run", running],
      ["Old", running],
    ]);
    expect(namesToRun(project, runs)).toEqual(["Tests", "Old"]);
  });

  it("has the ports of those that run", () => {
    const withPort = { ...project, runs: [{ name: "Docs", command: "x", port: 4000 }] };
    expect(expectedPorts(withPort, new Map([["Docs", running]]))).toEqual([4000]);
    expect(expectedPorts(withPort, new Map([["Run", running]]))).toEqual([5173]);
    expect(expectedPorts(withPort, new Map())).toEqual([]);
  });
});
