/** Over plain http to a name that is not localhost, browsers have no clipboard, no locks and no service of their own. */
import { expect, signIn, test } from "./fixtures";
import { EditPage } from "./pages/edit";
import { Messages } from "./pages/messages";
import { kept, Way } from "./way";

const HOST = "alcove.test";

test("a terminal's text is copied and pasted, and a program copies too", async ({ startServer, page }) => {
  const server = await startServer({ host: HOST });
  await signIn(page, server.reach);
  const messages = await Messages.held(page);
  expect(await page.evaluate(() => window.isSecureContext)).toBe(false);
  const made = await server.create("blank", "copied");
  const edit = await EditPage.open(page, `${server.origin}/r/${made.id}`);
  const { terminal, editor } = edit;
  await terminal.prompt();
  await terminal.type("clear; echo selected-words\n");
  await terminal.shows(/^selected-words\n/);
  const screen = terminal.region.locator(".xterm-screen");
  await screen.dblclick({ position: { x: 40, y: 9 } });
  await page.keyboard.press("Control+Shift+C");
  // What is on the clipboard is seen where it is pasted.
  await editor.replace("README.md", "");
  await page.keyboard.press("Control+v");
  await expect.poll(() => editor.text("README.md")).toBe("selected-words");

  await editor.replace("README.md", "from the editor");
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Control+c");
  await terminal.type("echo [");
  await page.keyboard.press("Control+Shift+V");
  await terminal.type("]\n");
  await terminal.shows("\n[from the editor]");

  await terminal.type(`printf '\\033]52;c;%s\\a' "$(printf 'by a program' | base64)"\n`);
  const said = messages.says(/A program (copied|wants to copy) 12 characters\./);
  await expect(said).toBeVisible();
  const button = page.getByRole("button", { name: "Copy", exact: true });
  if (await button.isVisible()) await button.click();
  await editor.replace("README.md", "");
  await page.keyboard.press("Control+v");
  await expect.poll(() => editor.text("README.md")).toBe("by a program");
  await page.goto(`${server.origin}/`);
  await server.sleep(made.id);
});

test("edits outlive a reload without locks, and come in once; the preview works", async ({
  startServer,
  page,
}) => {
  const server = await startServer({ host: HOST });
  const way = await Way.of(page);
  await signIn(page, server.reach);
  expect(await page.evaluate(() => "locks" in navigator)).toBe(false);
  const made = await server.create("html", "kept");
  const edit = await EditPage.open(page, `${server.origin}/r/${made.id}`);
  await edit.tree.create("file", "README.md");
  await edit.editor.replace("README.md", "Begin.\n");
  await edit.saved();
  way.cut();
  await expect(edit.bar("Connection")).toBeVisible();
  await edit.editor.goToEnd("README.md");
  await page.keyboard.type("Typed alone.");
  await kept(page, "Typed alone.");
  await page.reload();
  await expect.poll(() => edit.editor.text("README.md")).toBe("Begin.\nTyped alone.");
  way.mend();
  await edit.connected();
  await edit.saved();
  expect(await edit.terminal.output("cat README.md")).toBe("Begin.\nTyped alone.");
  await edit.run();
  await expect(page.frameLocator("iframe[title^='Preview of port']").locator("h1")).toBeVisible();
  await page.goto(`${server.origin}/`);
  await server.sleep(made.id);
});
