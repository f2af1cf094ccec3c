import { expect, test } from "vitest";
import type { HostCheck, HostRepl, HostRoom, PersonRole } from "../../api/protocol.gen";
import { checksWords, figures, replLine, roleWords } from "./words";

const GIB = 2 ** 30;

const room: HostRoom = {
  running: 3,
  max_running: 4,
  promised_memory: 6 * GIB,
  total_memory: 8 * GIB,
  available_memory: 5 * GIB,
  spare_memory: GIB / 4,
  waiting: 0,
  ready: 1,
};

test("how full a machine is stands in figures, with their part where the whole is known", () => {
  const said = figures(room).map(({ label, value, part }) => [label, value, part]);
  expect(said).toEqual([
    ["Running", "3 of 4 repls", 0.75],
    ["Memory promised to them", "6 GiB of 8 GiB", 0.75],
    ["Memory available now", "5 GiB; none starts below 256 MiB", null],
    ["Waiting in line", "nobody", null],
    ["Ready for new repls", "1 sandbox", null],
  ]);
  const unknown = figures({ ...room, total_memory: null, available_memory: null, waiting: 2 });
  expect(unknown.map(({ value }) => value).slice(1, 4)).toEqual(["6 GiB", "not known", "2 repls"]);
  expect(unknown[1]?.part).toBeNull();
  expect(figures({ ...room, promised_memory: 20 * GIB })[1]?.part).toBe(1);
});

test("checks come to what is worst among them", () => {
  const check = (state: HostCheck["state"]): HostCheck => ({ name: "x", state, detail: "", remedy: null });
  expect(checksWords([check("ok")]).tone).toBe("ok");
  expect(checksWords([check("ok"), check("warn")])).toEqual({
    text: "Repls are isolated; 1 thing could be better.",
    tone: "warn",
  });
  expect(checksWords([check("warn"), check("fail")])).toEqual({
    text: "1 check failed: repls can’t be isolated here.",
    tone: "bad",
  });
});

test("a role says what it bounds, and nothing of what it does not", () => {
  const role: PersonRole = {
    name: "student",
    max_size: "small",
    network: "none",
    keep_alive_allowed: false,
    max_life_seconds: 7200,
    max_running: 2,
    max_bytes: 2 * GIB,
    max_files: 1000,
  };
  expect(roleWords(role)).toBe(
    "repls up to the size small · 2 at once · no network · 2 GiB in 1,000 files · none goes on with nobody there · stopped after 2 hours",
  );
  const free = {
    ...role,
    network: null,
    keep_alive_allowed: true,
    max_life_seconds: null,
    max_running: null,
  };
  expect(roleWords(free)).toBe("repls up to the size small · 2 GiB in 1,000 files");
});

test("a repl's line says what it takes, or what is being done", () => {
  const repl: HostRepl = {
    id: "a",
    name: "shop",
    owner: "Eve",
    phase: "starting",
    detail: "This server is full: place 1 in line.",
    started_at: null,
    people: 1,
    resources: null,
  };
  expect(replLine(repl)).toBe("This server is full: place 1 in line. · 1 there");
  expect(replLine({ ...repl, phase: "running", people: 0 })).toBe("Running · nobody there");
});
