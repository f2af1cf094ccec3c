/** Tests of the small decisions: what the field creates, which port is shown, what a tab does. */
import { describe, expect, it } from "vitest";
import type { Template } from "../api/protocol.gen";
import { choose } from "./dashboard/choose";
import { tabTitles } from "./editor/titles";
import { choosePort, localAddress, typedPath } from "./preview/choose";
import { safeNext } from "./sign-in/next";
import { isAnswer } from "./terminal/answers";

const template = (name: string, title: string, missing = false): Template => ({
  name,
  title,
  description: "",
  icon: "x",
  language: name,
  missing: missing ? { message: "not installed", command: "apt install it" } : null,
  setup: { state: "ready" },
});
const all = [
  template("java", "Java", true),
  template("react", "React"),
  template("css", "CSS"),
  template("c", "C"),
];

describe("the dashboard's field", () => {
  it("takes a template's name and leaves the rest for the repl's", () => {
    expect(choose(all, "react shop")).toMatchObject({ template: { name: "react" }, name: "shop" });
    expect(choose(all, "my shop rea")).toMatchObject({ template: { name: "react" }, name: "my shop" });
  });
  it("takes what fits no template as a name", () => {
    expect(choose(all, "zebra")).toMatchObject({ template: { name: "react" }, name: "zebra", shown: all });
  });
  it("takes short words of a name for no beginning of a template's", () => {
    const rust = template("rust", "Rust, axum");
    expect(choose([...all, rust], "a blog")).toMatchObject({ template: { name: "react" }, name: "a blog" });
    expect(choose([...all, rust], "ru").template?.name).toBe("rust");
    expect(choose([...all, rust], "ray tracer in c")).toMatchObject({
      template: { name: "c" },
      name: "ray tracer in",
    });
  });
  it("knows what people call languages", () => {
    const node = { ...template("node", "Node.js"), language: "node" };
    for (const word of ["nodejs", "js", "javascript"]) {
      expect(choose([...all, node], `${word} quiz`)).toMatchObject({
        template: { name: "node" },
        name: "quiz",
      });
    }
    for (const word of ["ts", "typescript"]) {
      expect(choose([node, ...all], word)).toMatchObject({ template: { name: "react" }, name: "" });
    }
  });
  it("prefers a whole name to a beginning", () => {
    expect(choose(all, "c").template?.name).toBe("c");
  });
  it("prefers a template's own name to its language", () => {
    const react = { ...template("react", "React"), language: "node" };
    const node = { ...template("node", "Node.js"), language: "node" };
    for (const typed of ["no", "nod", "node", "nod quiz"])
      expect(choose([react, node], typed).template?.name, typed).toBe("node");
  });
  it("never creates from what can't run", () => {
    expect(choose(all, "java").template).toBe(null);
    expect(choose([], "x").template).toBe(null);
  });
});

describe("titles of tabs", () => {
  it("of one name are told apart by their folders", () => {
    expect([...tabTitles(["a/x.ts", "b/x.ts", "y.ts"]).values()]).toEqual(["a/x.ts", "b/x.ts", "y.ts"]);
  });
});

describe("the preview", () => {
  const news = { before: [], now: [], expected: null, running: true, shown: null, visible: false };
  it("opens the expected port, and a new one where none is expected", () => {
    expect(choosePort({ ...news, now: [24678, 3000], expected: 3000 })).toEqual({ show: 3000 });
    expect(choosePort({ ...news, now: [8000] })).toEqual({ show: 8000 });
  });
  it("waits for the expected port while other ones open", () => {
    expect(choosePort({ ...news, now: [24678], expected: 3000 })).toBe(null);
  });
  it("loads a port again that comes back, and only offers others meanwhile", () => {
    expect(choosePort({ ...news, before: [9], now: [9, 3000], shown: 3000 })).toEqual({ show: 3000 });
    expect(choosePort({ ...news, before: [3000], now: [3000, 9], shown: 3000 })).toEqual({ offer: 9 });
    const beside = { ...news, before: [3000], now: [3000, 9], expected: 3000, shown: 3000 };
    expect(choosePort(beside)).toEqual({ offer: 9 });
  });
  it("comes back after a reload when the program runs", () => {
    expect(choosePort({ ...news, before: null, now: [3000], expected: 3000 })).toEqual({ show: 3000 });
    expect(choosePort({ ...news, before: null, now: [3000], running: false })).toBe(null);
  });
  it("knows addresses of this machine", () => {
    expect(localAddress("http://localhost:3000/a?b#c")).toEqual({ port: 3000, path: "/a?b#c" });
    expect(localAddress("http://0.0.0.0:8000")).toEqual({ port: 8000, path: "/" });
    for (const other of ["https://example.org:3000/", "http://localhost/", "ftp://localhost:3", "x"]) {
      expect(localAddress(other)).toBe(null);
    }
    expect(typedPath("cart")).toBe("/cart");
    expect(typedPath(" http://localhost:3000/x ")).toBe("/x");
  });
});

it("a terminal's own answers are told from what a person types", () => {
  for (const answer of [
    "\x1b[?1;2c",
    "\x1b[>0;276;0c",
    "\x1b[0n",
    "\x1b[12;40R",
    "\x1b[?2026;2$y",
    "\x1b]11;rgb:0/0/0\x07",
    "\x1bP1$r0m\x1b\\",
  ]) {
    expect(isAnswer(answer), JSON.stringify(answer)).toBe(true);
  }
  for (const key of ["a", "\r", "\x1b", "\x1b[A", "\x1b[1;5C", "\x1b[1;2R", "\x1bOP", "\x1b[15~", "\x03"]) {
    expect(isAnswer(key), JSON.stringify(key)).toBe(false);
  }
});

it("a sign-in leads only to pages of this site", () => {
  expect(safeNext("/r/abc")).toBe("/r/abc");
  for (const bad of [null, "", "//evil.example", "/\\evil.example", "https://evil.example", "/sign-in"]) {
    expect(safeNext(bad)).toBe("/");
  }
});
