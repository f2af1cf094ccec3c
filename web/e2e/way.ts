/** The way of a page's sessions, which can be held and cut while the page itself can be loaded. */
import { expect, type Page, type WebSocketRoute } from "@playwright/test";

export class Way {
  private open = new Set<WebSocketRoute>();
  private isCut = false;
  private held: (() => void)[] | null = null;

  static async of(page: Page): Promise<Way> {
    const way = new Way();
    await page.routeWebSocket(/\/session(\?again=true)?$/, async (socket) => {
      if (way.isCut) return void socket.close({ code: 1011 });
      if (way.held) await new Promise<void>((go) => way.held?.push(go));
      socket.connectToServer();
      way.open.add(socket);
    });
    // With edits that are not kept yet, the page asks.
    page.on("dialog", (dialog) => void dialog.accept());
    return way;
  }

  cut(): void {
    this.isCut = true;
    for (const socket of this.open) void socket.close({ code: 1011 });
    this.open.clear();
  }

  mend(): void {
    this.isCut = false;
  }

  hold(): void {
    this.held = [];
  }

  release(): void {
    const held = this.held ?? [];
    this.held = null;
    for (const go of held) go();
  }
}

/** Until a folder's entries are in the browser's own store, with the repl's screen. */
export async function keptFolder(page: Page, path: string): Promise<void> {
  const folders = async () => {
    const screens = await stored<{ kept: { folders: [string, unknown][] } }>(page, "screens");
    return screens.flatMap(({ kept }) => kept.folders.map(([folder]) => folder));
  };
  await expect.poll(folders).toContain(path);
}

/** Until what is in the editor is in the browser's own store, as not saved. */
export async function kept(page: Page, part: string): Promise<void> {
  const isThere = async () => {
    const rows = await stored<{ unsaved: { mine: string } }>(page, "unsaved");
    return rows.some(({ unsaved }) => unsaved.mine.includes(part));
  };
  await expect.poll(isThere).toBe(true);
}

/** All rows of a part of the browser's own store. */
function stored<Row>(page: Page, name: string): Promise<Row[]> {
  return page.evaluate(
    (name) =>
      new Promise<Row[]>((done, failed) => {
        const asked = indexedDB.open("alcove");
        asked.onerror = () => failed(asked.error);
        asked.onsuccess = () => {
          const all = asked.result.transaction(name).objectStore(name).getAll();
          all.onsuccess = () => {
            asked.result.close();
            done(all.result);
          };
        };
      }),
    name,
  );
}
