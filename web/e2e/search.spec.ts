import { expect, signIn, test } from "./fixtures";
import { EditPage } from "./pages/edit";
import { Messages } from "./pages/messages";
import { SearchPane } from "./pages/search";

test("text is found in all files, typed or on disk, and shown at its place", async ({
  repl,
  edit: open,
  page,
}) => {
  const edit = await open(await repl("blank"));
  const search = new SearchPane(page);
  await edit.terminal.prompt();
  await edit.terminal.run(
    "mkdir src; printf 'one\\n\\nthe needle here\\n' > src/a.txt; echo 'a Needle' > src/b.md; printf 'needle\\0' > bin",
  );
  await edit.tree.open("README.md");
  await edit.editor.goToStart("README.md");
  await page.keyboard.press("Control+Shift+F");
  await expect(search.field).toBeFocused();
  await page.keyboard.type("needle");
  await expect(search.state).toHaveText("2 matches in 2 files.");
  await search.region.getByRole("button", { name: "Capital and small letters differ" }).click();
  await expect(search.state).toHaveText("1 match in 1 file.");

  // By the keyboard: into the results, and to the place, which is selected.
  await page.keyboard.press("F6");
  await search.row("src/a.txt, 1").focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(edit.editor.content("a.txt")).toBeFocused();
  await expect.poll(() => page.evaluate(() => window.getSelection()?.toString())).toBe("needle");

  // What was typed a moment ago is found; an expression that can't be read says so.
  await page.keyboard.press("Control+End");
  await page.keyboard.type("and a needle");
  await page.keyboard.press("Control+Shift+F");
  await search.field.fill("an.? a needle");
  await search.region.getByRole("button", { name: "Regular expression" }).click();
  await expect(search.state).toHaveText("1 match in 1 file.");
  await search.field.fill("(");
  await expect(search.state).toContainText("The expression can’t be read");
  await search.region.getByRole("button", { name: "Files to search in" }).click();
  await search.field.fill("needle");
  await search.region.getByRole("textbox", { name: "Only in files" }).fill("*.md");
  await expect(search.state).toContainText("Nothing was found.");
  await search.region.getByRole("button", { name: "Close search" }).click();
  await expect(edit.tree.region).toBeVisible();
});

test("what is replaced was seen before, one can be left out, and all is put back", async ({
  repl,
  edit: open,
  page,
  person,
  server,
}) => {
  const made = await repl("blank");
  const edit = await open(made);
  const search = new SearchPane(page);
  await edit.terminal.prompt();
  await edit.terminal.run(
    "printf 'old one\\r\\nold two\\r\\n' > a.txt; printf 'old\\n' > b.sh; chmod 755 b.sh; printf 'the old text\\n' > open.txt",
  );
  await edit.tree.open("open.txt");
  const other = await person();
  await signIn(other, server.reach);
  const theirs = await EditPage.open(other, `${server.reach.origin}/r/${made.id}`);
  await theirs.tree.open("open.txt");
  await expect(theirs.editor.line("open.txt", "the old text")).toBeVisible();

  const messages = await Messages.held(page);
  await page.keyboard.press("Control+Shift+H");
  await expect(search.field).toBeFocused();
  await search.field.fill("old");
  await search.replacement.fill("new");
  await search.region.getByRole("button", { name: "Whole words" }).click();
  await expect(search.state).toHaveText("4 matches in 3 files.");
  await expect(search.row("Line 1: old one, becomes new one")).toBeVisible();
  await search.row("Line 2: old two, becomes new two").focus();
  await page.keyboard.press("Space");
  await expect(search.row("Line 2: old two, becomes new two")).toHaveAttribute("aria-checked", "false");
  await search.region.getByRole("button", { name: "Replace 3" }).click();
  await expect(messages.says("Replaced 3 matches in 3 files.")).toBeVisible();
  await expect.poll(() => edit.editor.text("open.txt")).toBe("the new text\n");
  await expect.poll(() => theirs.editor.text("open.txt")).toBe("the new text\n");
  expect(await edit.terminal.run("cat -A a.txt b.sh open.txt; stat -c %a b.sh")).toBe(
    "new one^M$\nold two^M$\nnew$\nthe new text$\n755",
  );

  // Somebody types on: their file stays, the others are put back.
  await theirs.editor.goToEnd("open.txt");
  await other.keyboard.type("more");
  await theirs.saved();
  await messages.undo.click();
  await expect(messages.says(/Put back 2 files\..*left alone: open\.txt/)).toBeVisible();
  expect(await edit.terminal.run("cat -A a.txt b.sh open.txt")).toBe(
    "old one^M$\nold two^M$\nold$\nthe new text$\nmore",
  );
});

test("keys in the terminal do not wait for a search", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("blank"));
  const search = new SearchPane(page);
  await edit.terminal.prompt();
  await edit.terminal.run("mkdir many && cd many && yes needle | head -200000 | split -a 4 -l 50");
  await edit.tree.region.getByRole("button", { name: "Search in all files" }).click();
  await search.field.fill("needle");
  await expect(search.state).toContainText("5,000 matches");
  await expect(search.state).toContainText("There are more");
  await search.field.press("Enter");
  expect(await edit.terminal.run("echo alive")).toBe("alive");
});
