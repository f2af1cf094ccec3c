/** Tests of what is imported, and from where. */
import { describe, expect, it } from "vitest";
import { archiveName, isArchive } from "./archives";
import { repositoryOf } from "./repository";
import { tarOf } from "./tar";

describe("a repository's address", () => {
  it("is known in the ways that people paste it", () => {
    const shop = { url: "https://github.com/ada/shop", name: "shop", host: "github.com" };
    for (const text of [
      "https://github.com/ada/shop",
      " github.com/ada/shop ",
      "https://github.com/ada/shop/",
      "https://github.com/ada/shop.git",
      "https://github.com/ada/shop/tree/main/src?x=1",
      "github.com/ada/shop/blob/main/README.md#top",
      "HTTPS://github.com/ada/shop/wiki",
    ]) {
      expect(repositoryOf(text), text).toEqual(shop);
    }
    expect(repositoryOf("git@example.com:team/shop.git")?.name).toBe("shop");
    expect(repositoryOf("ssh://git@example.com:2222/a/b.git")?.host).toBe("example.com");
    expect(repositoryOf("http://localhost:3000/a/b.c.git")).toEqual({
      url: "http://localhost:3000/a/b.c.git",
      name: "b.c",
      host: "localhost",
    });
  });

  it("is nothing else", () => {
    for (const text of [
      "",
      "react shop",
      "shop",
      "https://",
      "https://example.com",
      "ext::sh -c id",
      "a@b",
      "C:/x",
    ])
      expect(repositoryOf(text), text).toBeNull();
  });
});

describe("an archive", () => {
  it("is told by its ending, and names the repl", () => {
    for (const name of ["a.zip", "a.TAR.GZ", "a.tgz", "a.tar"]) expect(isArchive(name), name).toBe(true);
    for (const name of ["a.rar", "zip", "a.gz", "a.tar.xz"]) expect(isArchive(name), name).toBe(false);
    expect(archiveName("my-app-main.tar.gz")).toBe("my-app-main");
    expect(archiveName(".zip")).toBe("");
  });
});

describe("files that are packed", () => {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const read = async (blob: Blob) => new Uint8Array(await blob.arrayBuffer());

  /** As any program reads them: names, types and contents. */
  async function entries(archive: Blob): Promise<[string, string, string][]> {
    const bytes = await read(archive);
    const all: [string, string, string][] = [];
    let at = 0;
    for (; bytes[at] !== 0; ) {
      const field = (from: number, length: number) =>
        text(bytes.subarray(at + from, at + from + length)).replace(/[\0 ].*$/s, "");
      const size = Number.parseInt(field(124, 12), 8);
      const blanked = bytes.slice(at, at + 512).fill(32, 148, 156);
      expect(Number.parseInt(field(148, 8), 8)).toBe(blanked.reduce((sum, byte) => sum + byte, 0));
      expect(field(257, 6)).toBe("ustar");
      all.push([field(0, 100), field(156, 1), text(bytes.subarray(at + 512, at + 512 + size))]);
      at += 512 + Math.ceil(size / 512) * 512;
    }
    expect(bytes.length - at).toBe(1024);
    return all;
  }

  it("have their names and contents, and blocks that are full", async () => {
    const short = "d".repeat(99);
    const long = `${"é".repeat(50)}/x`;
    const sizes = [0, 511, 512, 513];
    const files = sizes.map((size) => ({ path: `f${size}`, file: new Blob(["x".repeat(size)]) }));
    files.push({ path: `${short}d`, file: new Blob(["1"]) }, { path: long, file: new Blob(["2"]) });
    const found = await entries(tarOf(files));
    expect(found.slice(0, 4)).toEqual(sizes.map((size) => [`f${size}`, "0", "x".repeat(size)]));
    expect(found[4]).toEqual([`${short}d`, "0", "1"]);
    // 102 bytes: its name comes before it.
    expect(found[5]).toEqual(["././@LongLink", "L", long]);
    expect(found[6]?.slice(1)).toEqual(["0", "2"]);
    expect(found.length).toBe(7);
  });

  it("may be none", async () => {
    expect(await entries(tarOf([]))).toEqual([]);
  });
});
