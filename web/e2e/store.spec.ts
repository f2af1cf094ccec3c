/** The store goes away while people work, and too much is to be kept in it. */
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "./fixtures";

const AWAY_MS = 30_000;
/** What a file's mark says. */
const UNSAVED = /not yet saved/;

test("the store is away for 30 s while somebody types: work goes on, it is said, and then all is saved", async ({
  startServer,
  edit: open,
  page,
}) => {
  const server = await startServer();
  const made = await server.create("blank", "outage");
  const edit = await open(made, server.reach);
  await edit.editor.replace("README.md", "");
  await edit.terminal.prompt();
  await edit.saved();
  // A file in the folder's place: nothing can be read or written there.
  const store = join(server.dataDir, "store/repl");
  await rename(store, `${store}-away`);
  await writeFile(store, "");
  const until = Date.now() + AWAY_MS;
  await edit.terminal.type("echo made > by-a-program.txt\n");
  let typed = "";
  for (let n = 1; Date.now() < until; n++) {
    const word = `word ${n} `;
    await edit.editor.goToEnd("README.md");
    await page.keyboard.type(word);
    typed += word;
  }
  const bar = edit.bar("Saving");
  await expect(bar).toContainText("The store can’t be written");
  // What is not saved is told, be it typed or made by a program.
  await expect(edit.tree.item("by-a-program.txt")).toHaveAccessibleDescription(UNSAVED);
  await expect(edit.tree.item("README.md")).toHaveAccessibleDescription(UNSAVED);
  await page
    .getByRole("banner")
    .getByRole("button", { name: /^Not saved/ })
    .click();
  const menu = page.getByRole("menu", { name: "Files that are not saved" });
  await expect(menu).toContainText("by-a-program.txt: on disk, not saved yet");
  await page.keyboard.press("Escape");
  // Asked for while it is away: once it is back, saving is tried anyway, and the bar may be gone at any moment.
  const tried = page.waitForResponse((answer) => answer.url().endsWith(`/api/repls/${made.id}/save`));
  await bar.getByRole("button", { name: "Try now" }).click();
  expect((await tried).ok()).toBe(false);
  await rm(store);
  await rename(`${store}-away`, store);
  await expect(bar).toHaveCount(0, { timeout: 180_000 });
  await edit.saved();
  await expect(edit.tree.item("by-a-program.txt")).not.toHaveAccessibleDescription(UNSAVED);
  expect(await edit.terminal.output("cat README.md")).toBe(typed);
});

test("files that are too much are named, and saved when there is room", async ({
  startServer,
  edit: open,
  page,
}) => {
  const server = await startServer({ env: { ALCOVE_REPL_SIZE: "1MiB" } });
  const made = await server.create("blank", "too much");
  const edit = await open(made, server.reach);
  await edit.terminal.run("head -c 2M /dev/zero > huge.bin");
  const bar = edit.bar("Quota");
  await expect(bar).toContainText("would exceed what this repl may hold (1 MiB in 100000 files)");
  await expect(bar).toContainText("huge.bin");
  await page.getByRole("banner").getByRole("button", { name: "1 file not saved" }).click();
  const menu = page.getByRole("menu", { name: "Files that are not saved" });
  await expect(menu).toContainText("huge.bin: too much to be saved");
  await page.keyboard.press("Escape");
  await expect(edit.tree.item("huge.bin")).toHaveAccessibleDescription(UNSAVED);
  await edit.terminal.run("truncate -s 1000K huge.bin");
  await expect(bar).toContainText("This repl holds 1000.");
  await edit.saved();
  await edit.terminal.run("rm huge.bin");
  await expect(bar).toHaveCount(0);
  await edit.saved();
});
