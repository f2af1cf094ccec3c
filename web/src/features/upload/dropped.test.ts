/** Tests of what a drop brings, folders with all in them. */
import { describe, expect, it } from "vitest";
import { readDropped, takeDrop } from "./dropped";

type Tree = { [name: string]: Tree | string | null };

/** An entry as a browser makes it: a reader gives some at a time; null can't be read. */
function entryOf(name: string, content: Tree | string | null, above = ""): FileSystemEntry {
  const fullPath = `${above}/${name}`;
  const isFile = typeof content === "string";
  const base = { name, fullPath, isFile, isDirectory: !isFile };
  if (isFile) {
    return { ...base, file: (done: (file: File) => void) => done(new File([content], name)) } as never;
  }
  const createReader = () => {
    const inside = Object.entries(content ?? {}).map(([child, of]) => entryOf(child, of, fullPath));
    return {
      readEntries: (done: (some: FileSystemEntry[]) => void, failed: (why: Error) => void) =>
        content === null ? failed(new Error("no right to read it")) : done(inside.splice(0, 100)),
    };
  };
  return { ...base, createReader } as never;
}

function dropOf(items: { entry?: FileSystemEntry; file?: File; kind?: string }[]): DataTransfer {
  const all = items.map(({ entry, file, kind = "file" }) => ({
    kind,
    webkitGetAsEntry: () => entry ?? null,
    getAsFile: () => file ?? null,
  }));
  return { items: all } as never;
}

async function read(...items: Parameters<typeof dropOf>[0]) {
  const { uploads, folders, left } = await readDropped(takeDrop(dropOf(items)), "into");
  return { paths: uploads.map(({ path }) => path).sort(), uploads, folders, left };
}

describe("a drop", () => {
  it("brings a folder with all that is in it, and the empty ones", async () => {
    const shop = { "a.txt": "a", src: { "b.txt": "b", deep: { "c.txt": "c" } }, empty: {} };
    const { paths, uploads, folders, left } = await read({ entry: entryOf("shop", shop) });
    expect(paths).toEqual(["into/shop/a.txt", "into/shop/src/b.txt", "into/shop/src/deep/c.txt"]);
    expect(await uploads.find(({ path }) => path.endsWith("b.txt"))?.file.text()).toBe("b");
    expect({ folders, left }).toEqual({ folders: ["into/shop/empty"], left: 0 });
  });
  it("brings more of a folder than a browser tells at once", async () => {
    const many = Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`${i}.txt`, ""]));
    expect((await read({ entry: entryOf("many", many) })).paths).toHaveLength(250);
  });
  it("brings files beside folders, and those without an entry; a text is none", async () => {
    const { paths } = await read(
      { entry: entryOf("a.txt", "a") },
      { entry: entryOf("folder", { "b.txt": "b" }) },
      { file: new File(["c"], "c.txt") },
      { kind: "string" },
    );
    expect(paths).toEqual(["into/a.txt", "into/c.txt", "into/folder/b.txt"]);
  });
  it("counts what can't be read, and brings the rest", async () => {
    const { paths, left } = await read({ entry: entryOf("shop", { "a.txt": "a", secret: null }) });
    expect({ paths, left }).toEqual({ paths: ["into/shop/a.txt"], left: 1 });
  });
});
