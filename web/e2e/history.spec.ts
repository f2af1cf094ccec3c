/** Earlier states: seen, compared, brought back, forked; and the code of a repl that can't be started. */
import type { Page } from "@playwright/test";
import { expect, signIn, test } from "./fixtures";
import { DashboardPage } from "./pages/dashboard";
import { EditPage } from "./pages/edit";
import { Messages } from "./pages/messages";
import { Palette } from "./pages/palette";

/** Until a file is in the store with this content. */
async function stored(page: Page, id: string, path: string, content: string): Promise<void> {
  const address = `/api/repls/${id}/history/latest/files/${path}`;
  const now = () => page.evaluate(async (address) => (await fetch(address)).text(), address);
  await expect.poll(now, { timeout: 120_000 }).toBe(content);
}

const dialog = (page: Page) => page.getByRole("dialog", { name: /^History of / });

test("an edit is in the history, is compared, and the file is brought back and that undone", async ({
  repl,
  edit: open,
  page,
}) => {
  const made = await repl("blank", "diary");
  const { editor, tree } = await open(made);
  const messages = await Messages.held(page);
  await tree.create("file", "notes.txt");
  await editor.replace("notes.txt", "first line\n");
  await stored(page, made.id, "notes.txt", "first line\n");
  await new Palette(page).command("History of this file");
  const history = dialog(page);
  await expect(history.getByRole("heading", { name: "History of notes.txt" })).toBeVisible();
  await expect(history.getByRole("button", { name: /you/ }).first()).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(history).toHaveCount(0);

  await editor.replace("notes.txt", "second line\n");
  await stored(page, made.id, "notes.txt", "second line\n");
  const openHistory = async () => {
    await tree.item("notes.txt").click({ button: "right" });
    await page.getByRole("menuitem", { name: "History of this file" }).click();
    await expect.poll(() => states.count()).toBeGreaterThanOrEqual(2);
  };
  const states = history.locator(".moment");
  const file = history.getByRole("button", { name: "notes.txt", exact: true });
  const texts = history.getByRole("region", { name: "Differences of notes.txt" });
  await openHistory();
  // The newest: it is compared with the one before.
  await states.first().click();
  await file.click();
  await expect(texts).toContainText("first line");
  await expect(texts).toContainText("second line");
  await history.getByRole("button", { name: "Back to what changed" }).click();

  // The one before, with now.
  await states.nth(1).click();
  await file.click();
  await history.getByRole("radio", { name: "With now" }).check();
  await expect(texts).toContainText("first line");
  await expect(texts).toContainText("second line");
  await history.getByRole("button", { name: "Bring this file back" }).click();
  await expect(history).toHaveCount(0);
  await expect(editor.content("notes.txt")).toContainText("first line");

  // That is a state itself; the one before it is brought back, and that undone.
  await openHistory();
  await expect(states.first()).toContainText("brought back");
  await states.nth(1).click();
  await history.getByRole("button", { name: "Bring notes.txt back" }).click();
  await page.getByRole("button", { name: "Bring back", exact: true }).click();
  await messages.undo.click();
  await expect(messages.says("It is as it was before.")).toBeVisible();
  await expect(editor.content("notes.txt")).toContainText("first line");
});

test("a state gets a name, and a repl is made from it", async ({ repl, edit: open, page }) => {
  const made = await repl("blank", "origin");
  const edit = await open(made);
  await Messages.held(page);
  await edit.tree.create("file", "kept.txt");
  await edit.editor.replace("kept.txt", "of then\n");
  await stored(page, made.id, "kept.txt", "of then\n");
  await new Palette(page).command("History");
  const history = dialog(page);
  await history.getByRole("button", { name: "Name the present state…" }).click();
  await history.getByRole("textbox", { name: "A name for the repl as it is now" }).fill("It works");
  await page.keyboard.press("Enter");
  await history.getByRole("button", { name: /It works/ }).click();
  await history.getByRole("button", { name: "New repl from it" }).click();
  await page.getByRole("button", { name: "Open it" }).click();
  await expect(page.getByRole("heading", { name: "origin copy" })).toBeVisible();
  const fork = new EditPage(page);
  await fork.connected();
  await fork.tree.open("kept.txt");
  await expect(fork.editor.content("kept.txt")).toContainText("of then");
});

test("where nothing can be started the code is there: seen, edited, brought back, downloaded", async ({
  startServer,
  page,
}) => {
  const server = await startServer({ env: { ALCOVE_SPAWNER: "none" } });
  await signIn(page, server.reach);
  const messages = await Messages.held(page);
  const { id } = await server.create("blank", "stuck");
  await page.goto(`${server.origin}/r/${id}`);
  const failed = page.getByRole("alert");
  await expect(failed).toContainText("starts no repls");
  await failed.getByRole("link", { name: "Look at the code" }).click();
  await expect(page.getByText("Nothing runs here")).toBeVisible();
  const files = page.getByRole("navigation", { name: "Files" });
  await files.getByRole("button", { name: "main.sh" }).click();
  const text = page.getByRole("textbox", { name: "Text of main.sh" });
  await text.click();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("echo edited in the store");
  await page.keyboard.press("ControlOrMeta+S");
  await expect(messages.says("main.sh is saved.")).toBeVisible();
  await page.reload();
  await files.getByRole("button", { name: "main.sh" }).click();
  await expect(text).toContainText("echo edited in the store");

  // The first state is from before that.
  await page.getByRole("button", { name: "History", exact: true }).click();
  const history = dialog(page);
  await history.locator(".moment").last().click();
  await history.getByRole("button", { name: "Bring everything back" }).click();
  await page.getByRole("button", { name: "Bring back", exact: true }).click();
  await expect(messages.says("Everything was brought back.")).toBeVisible();
  await expect(text).not.toContainText("edited in the store");
  const downloading = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download all" }).click();
  expect((await downloading).suggestedFilename()).toBe("stuck.zip");

  // By way of the first page, too.
  await page.getByRole("link", { name: "Back to your repls" }).click();
  const dashboard = new DashboardPage(page);
  await dashboard.choose("stuck", "Look at the code");
  await expect(page).toHaveURL(new RegExp(`/r/${id}/code$`));
});

test("an edit that somebody else was faster with is refused, and the text stays", async ({
  startServer,
  page,
}) => {
  const server = await startServer({ env: { ALCOVE_SPAWNER: "none" } });
  await signIn(page, server.reach);
  const { id } = await server.create("blank", "both");
  await page.goto(`${server.origin}/r/${id}/code`);
  await page.getByRole("navigation", { name: "Files" }).getByRole("button", { name: "main.sh" }).click();
  const text = page.getByRole("textbox", { name: "Text of main.sh" });
  await text.click();
  await page.keyboard.type("# mine\n");
  // Another page saves its own text meanwhile.
  const address = `/api/repls/${id}/history/latest/files/main.sh`;
  const status = await page.evaluate(async (address) => {
    const tag = (await fetch(address)).headers.get("etag")?.replaceAll('"', "");
    return (await fetch(`${address}?before=${tag}`, { method: "PUT", body: "theirs\n" })).status;
  }, address);
  expect(status).toBe(204);
  await page.getByRole("button", { name: "Save" }).click();
  const problem = page.getByRole("alert");
  await expect(problem).toContainText("has been changed meanwhile");
  await expect(text).toContainText("# mine");
  await problem.getByRole("button", { name: "Give it up" }).click();
  await expect(text).toContainText("theirs");
});
