/** Compressed twins of the built files, so that the server need not compress at each request. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { Plugin } from "vite";

/** Files below this size fit into the first packets as they are. */
const SMALL_BYTES = 1_000;

export function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    async writeBundle({ dir = "dist" }) {
      const names = await readdir(dir, { recursive: true });
      const compress = async (name: string) => {
        const path = join(dir, name);
        const content = await readFile(path);
        if (content.length < SMALL_BYTES) return;
        const params = { [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
        await writeFile(`${path}.gz`, await promisify(gzip)(content, { level: 9 }));
        await writeFile(`${path}.br`, await promisify(brotliCompress)(content, { params }));
      };
      await Promise.all(names.filter((name) => /\.(js|css|svg|mjs)$/.test(name)).map(compress));
    },
  };
}
