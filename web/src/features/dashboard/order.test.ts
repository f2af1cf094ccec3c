/** Tests of the order of the list. */
import { expect, it } from "vitest";
import type { Repl } from "../../api/protocol.gen";
import { listed } from "./order";

const repl = (name: string, template: string, edited: string, created: string) =>
  ({ id: name, name, template, edited_at: edited, created_at: created }) as Repl;

const repls = [
  repl("shop 10", "react", "2026-01-03", "2026-01-01"),
  repl("Shop 9", "node", "2026-01-01", "2026-01-03"),
  repl("bot", "python", "2026-01-02", "2026-01-02"),
];
const names = (...wish: [string, "edited" | "name" | "created"]) => listed(repls, ...wish).map((r) => r.name);

it("sorts as people count", () => {
  expect(names("", "edited")).toEqual(["shop 10", "bot", "Shop 9"]);
  expect(names("", "name")).toEqual(["bot", "Shop 9", "shop 10"]);
  expect(names("", "created")).toEqual(["Shop 9", "bot", "shop 10"]);
});

it("finds all words, in name or template", () => {
  expect(names("SHOP", "name")).toEqual(["Shop 9", "shop 10"]);
  expect(names("shop react", "name")).toEqual(["shop 10"]);
  expect(names("nothing", "name")).toEqual([]);
});
