/** How much script a page loads before anything can be done on it: a bound that the build keeps. */
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";

/** Gzipped, of each page. */
export const MOST_BYTES = 350 * 1024;

export interface Chunk {
  code: string;
  /** Names of chunks that are loaded along. */
  imports: readonly string[];
  /** The module that it stands for: the entry, or what is imported when it is needed. */
  facadeModuleId: string | null;
  isEntry: boolean;
}

/** The chunks that are loaded with these ones. */
export function reached(chunks: Readonly<Record<string, Chunk>>, from: readonly string[]): Set<string> {
  const seen = new Set<string>();
  const waiting = [...from];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const chunk = chunks[name];
    if (!chunk || seen.has(name)) continue;
    seen.add(name);
    waiting.push(...chunk.imports);
  }
  return seen;
}

/** Gzipped bytes of what the entry loads, and a page that is loaded after it. */
export function firstLoad(chunks: Readonly<Record<string, Chunk>>, page: string | null): number {
  const begins = Object.entries(chunks)
    .filter(([, chunk]) => chunk.isEntry || (page !== null && chunk.facadeModuleId?.endsWith(page)))
    .map(([name]) => name);
  let bytes = 0;
  for (const name of reached(chunks, begins)) bytes += gzipSync(chunks[name]?.code ?? "").length;
  return bytes;
}

const PAGES = [
  { name: "dashboard", page: null },
  { name: "edit screen", page: "/features/edit/EditPage.tsx" },
] as const;

/** Says after each build what the pages load at first, and fails when it is too much. */
export function boundFirstLoad(): Plugin {
  return {
    name: "bound-first-load",
    apply: "build",
    writeBundle(_, bundle) {
      const chunks: Record<string, Chunk> = {};
      for (const [name, output] of Object.entries(bundle)) if (output.type === "chunk") chunks[name] = output;
      for (const { name, page } of PAGES) {
        if (page !== null && !Object.values(chunks).some((chunk) => chunk.facadeModuleId?.endsWith(page))) {
          this.error(`There is no chunk of ${page}: what the ${name} loads at first can't be told.`);
        }
        const bytes = firstLoad(chunks, page);
        const said = `first load of the ${name}: ${Math.round(bytes / 1024)} of ${MOST_BYTES / 1024} KiB, gzipped`;
        if (bytes > MOST_BYTES) this.error(`Too much ${said}. Load what is not needed at once by import().`);
        this.info(said);
      }
    },
  };
}
