/** Tests of choosing several entries. */
import { expect, it } from "vitest";
import type { Entry } from "../../api/protocol.gen";
import type { Row } from "./rows";
import { actedOn, copyName, NOTHING, outermost, select, selectAll } from "./selection";

const entry: Entry = {
  name: "x",
  kind: "file",
  size: 0,
  version: 0,
  executable: false,
  leads_to_folder: false,
  derived: false,
  ignored: false,
};
const rows: Row[] = ["a", "b", "b/c", "d"].map((path) => ({
  kind: "entry",
  path,
  entry,
  depth: 0,
  folder: false,
  open: false,
  place: 1,
  of: 1,
}));

it("one is chosen, others are added and taken away, or all up to another one", () => {
  const one = select(rows, NOTHING, "b", "only");
  expect([...one.chosen]).toEqual(["b"]);
  const two = select(rows, one, "d", "toggle");
  expect([...two.chosen]).toEqual(["b", "d"]);
  expect([...select(rows, two, "b", "toggle").chosen]).toEqual(["d"]);
  expect([...select(rows, one, "d", "range").chosen]).toEqual(["b", "b/c", "d"]);
  const back = select(rows, select(rows, one, "d", "range"), "a", "range");
  expect([...back.chosen]).toEqual(["a", "b"]);
  expect([...select(rows, NOTHING, "d", "range").chosen]).toEqual(["d"]);
  expect(selectAll(rows, one).chosen.size).toBe(4);
});

it("what is done is done to all that is chosen, or to one that is not among them", () => {
  const chosen = selectAll(rows, NOTHING);
  expect(actedOn(chosen, "a")).toEqual(["a", "b", "d"]);
  expect(actedOn(select(rows, NOTHING, "b", "only"), "d")).toEqual(["d"]);
  expect(actedOn(chosen, null)).toEqual([]);
  expect(outermost(["b/c", "bc", "b"])).toEqual(["bc", "b"]);
});

it("copies have names of their own", () => {
  expect([0, 1, 2].map((n) => copyName("a.b.txt", n))).toEqual(["a.b.txt", "a.b copy.txt", "a.b copy 2.txt"]);
  expect([copyName(".env", 1), copyName("Makefile", 1)]).toEqual([".env copy", "Makefile copy"]);
});
