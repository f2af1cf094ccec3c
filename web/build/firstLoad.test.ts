/** Tests of what counts as loaded at first. */
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { type Chunk, firstLoad, reached } from "./firstLoad";

const chunk = (code: string, rest: Partial<Chunk> = {}): Chunk => ({
  code,
  imports: [],
  facadeModuleId: null,
  isEntry: false,
  ...rest,
});
const chunks = {
  "main.js": chunk("entry", { isEntry: true, imports: ["shared.js"] }),
  "shared.js": chunk("shared", { imports: ["main.js"] }),
  "edit.js": chunk("edit", { facadeModuleId: "/web/src/features/edit/EditPage.tsx", imports: ["shared.js"] }),
  "pdf.js": chunk("pdf", { facadeModuleId: "/web/src/features/viewer/PdfView.tsx" }),
};
const zipped = (...codes: string[]) => codes.reduce((sum, code) => sum + gzipSync(code).length, 0);

describe("what a page loads at first", () => {
  it("is the entry with all that it imports, each once", () => {
    expect([...reached(chunks, ["main.js"])].sort()).toEqual(["main.js", "shared.js"]);
    expect(firstLoad(chunks, null)).toBe(zipped("entry", "shared"));
  });
  it("is the page's own beside it, and nothing that comes when it is needed", () => {
    expect(firstLoad(chunks, "/features/edit/EditPage.tsx")).toBe(zipped("entry", "shared", "edit"));
  });
});
