import { expect, test } from "./fixtures";
import { Palette } from "./pages/palette";
import { kept, Way } from "./way";

test("all that a person needs is done by the palette alone", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("blank"));
  const palette = new Palette(page);
  await edit.terminal.prompt();

  await palette.command("New file");
  await expect(page.getByRole("textbox", { name: "Name of the new file" })).toBeFocused();
  await page.keyboard.type("notes.txt\n");
  await expect(edit.editor.tab("notes.txt")).toHaveAttribute("aria-selected", "true");
  await palette.command("Go to the editor");
  await expect(edit.editor.content("notes.txt")).toBeFocused();
  await page.keyboard.type("made by keys");
  await edit.saved();
  await palette.command("New terminal");
  await expect(edit.terminal.tab("Shell 2")).toBeVisible();
  await expect(edit.terminal.region.getByRole("textbox", { name: "Terminal input" })).toBeFocused();
  expect(await edit.terminal.run("cat notes.txt")).toBe("made by keys");

  await palette.command("Close tab");
  await expect(edit.editor.tab("notes.txt")).toHaveCount(0);
  await palette.command("Reopen the tab that was closed last");
  await expect(edit.editor.tab("notes.txt")).toBeVisible();
  await palette.command("Show or hide the files");
  await expect(edit.tree.region).toHaveCount(0);

  // What was used last stands first; and what has no meaning now is not there.
  await palette.open("Control+Shift+P", "Commands");
  await expect(palette.options.first()).toHaveAccessibleName("View: Show or hide the files");
  await expect(palette.options.filter({ hasText: /Run: Stop/ })).toHaveCount(0);
  await palette.type("zzzz");
  await expect(page.getByText("No command is called that.")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(palette.field).toHaveCount(0);

  await palette.command("Back to your repls");
  await expect(page.getByRole("heading", { name: "What will you make?" })).toBeVisible();
});

test("the program is run, restarted and stopped by keys", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("blank"));
  const palette = new Palette(page);
  await edit.terminal.prompt();
  await edit.terminal.write("main.sh", "echo started $$; sleep 1000\n");
  await edit.tree.item("main.sh").focus();
  await page.keyboard.press("Control+Enter");
  await expect(edit.stopButton).toBeVisible();
  await edit.terminal.shows(/started \d+/);
  const first = /started (\d+)/.exec(await edit.terminal.text())?.[1];
  await edit.tree.item("main.sh").focus();
  await page.keyboard.press("Control+Shift+Enter");
  await expect.poll(async () => (await edit.terminal.text()).match(/started \d+/g)?.length).toBe(2);
  expect((await edit.terminal.text()).match(/started \d+/g)?.at(-1)).not.toBe(`started ${first}`);
  await palette.command("Stop");
  await expect(edit.runButton).toBeVisible();
});

test("a terminal's programs get their keys, and nobody is trapped in it", async ({
  repl,
  edit: open,
  page,
}) => {
  const edit = await open(await repl("blank"));
  await edit.terminal.prompt();
  // The terminal itself shows each key that arrives, once the shell has left it to a program.
  await edit.terminal.type("echo re''ady; cat\n");
  await edit.terminal.shows(/\nready$/);
  for (const key of ["Control+k", "Control+p", "Alt+w", "Control+g"]) await page.keyboard.press(key);
  await edit.terminal.shows("^K^P^[w^G");
  await expect(page.getByRole("dialog")).toHaveCount(0);

  const input = edit.terminal.region.getByRole("textbox", { name: "Terminal input" });
  await expect(input).toBeFocused();
  const palette = new Palette(page);
  await palette.open("Control+Shift+P", "Commands");
  await page.keyboard.press("Escape");
  await expect(input).toBeFocused();
  await page.keyboard.press("F6");
  await expect(input).not.toBeFocused();
});

test("a file is opened by letters of its path, at a line", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("blank"));
  const palette = new Palette(page);
  await edit.terminal.prompt();
  await edit.terminal.run(
    "mkdir -p src/parts node_modules/x; seq 100 > src/parts/Numbers.txt; touch node_modules/x/Numbers.js; echo node_modules > .gitignore",
  );
  await edit.tree.item("README.md").click();
  await palette.open("Control+p", "Open file");
  await palette.type("panum:42");
  await palette.take("src/parts/Numbers.txt");
  await expect(edit.editor.tab("Numbers.txt")).toHaveAttribute("aria-selected", "true");
  await expect(edit.editor.content("Numbers.txt")).toBeFocused();
  await expect(edit.editor.region.locator(".cm-activeLine")).toHaveText("42");

  // The line alone, then back to the file before.
  await palette.open("Control+g", "Go to line");
  await palette.type("7");
  await palette.take("Go to line 7");
  await expect(edit.editor.region.locator(".cm-activeLine")).toHaveText("7");
  await palette.open("Control+p", "Open file");
  await palette.take("README.md");
  await expect(edit.editor.tab("README.md")).toHaveAttribute("aria-selected", "true");
  await expect(edit.editor.content("README.md")).toBeFocused();

  await palette.open("Control+p", "Open file");
  await palette.type("numbersjs");
  await expect(page.getByText(/No file is called that/)).toBeVisible();
  // The same field leads to the commands, and the focus goes back to where it was.
  await page.keyboard.press("Control+a");
  await palette.type(">theme");
  await expect(page.getByRole("combobox", { name: "Commands" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(edit.editor.content("README.md")).toBeFocused();
});

test("signing out by the palette ends it, and asks where edits would be lost", async ({
  repl,
  edit: open,
  page,
}) => {
  const way = await Way.of(page);
  const edit = await open(await repl("blank"));
  const palette = new Palette(page);
  await edit.editor.goToEnd("README.md");
  way.cut();
  await expect(edit.bar("Connection")).toBeVisible();
  await page.keyboard.type("Not saved.");
  await kept(page, "Not saved.");
  await palette.command("Sign out");
  const question = page.getByRole("dialog", { name: "Sign out?" });
  await expect(question).toContainText("Edits in 1 file are not saved yet.");
  await question.getByRole("button", { name: "Cancel" }).click();
  await expect(question).toHaveCount(0);
  way.mend();
  await edit.connected();
  await edit.saved();
  const address = page.url();
  await palette.command("Sign out");
  await expect(page.getByLabel("Token")).toBeVisible();
  await page.goto(address);
  await expect(page.getByLabel("Token")).toBeVisible();
});

test("the field at the top opens the palette for those who use a mouse", async ({
  repl,
  edit: open,
  page,
}) => {
  const edit = await open(await repl("blank"));
  await page.getByRole("button", { name: "Search or do anything" }).click();
  await page.getByRole("dialog").getByRole("option", { name: "View: Show or hide the terminal" }).click();
  await expect(edit.terminal.region).toHaveCount(0);
});
