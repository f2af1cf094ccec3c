import { expect, test } from "./fixtures";

test("python-console: Run focuses the terminal, and no preview opens", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("python-console"));
  await edit.terminal.prompt();
  await edit.run();
  await expect(edit.terminal.tab("Run")).toHaveAttribute("aria-selected", "true");
  await edit.terminal.shows(/What is your name\?$/);
  await expect(edit.terminal.region.locator("textarea")).toBeFocused();
  // Without a click: the keys must go there by themselves.
  await page.keyboard.type("Ada\n");
  await edit.terminal.shows("Hello, Ada!");
  await expect(edit.bar("Program ended")).toContainText("The program ended.");
  await expect(edit.preview.region).toHaveCount(0);

  await page.getByRole("button", { name: "Run again" }).click();
  await edit.terminal.shows(/What is your name\?$/);
  await page.keyboard.type("Grace\n");
  await edit.terminal.shows("Hello, Grace!");
});

test("node-console: it asks and answers", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("node-console"));
  await edit.run();
  await edit.terminal.shows(/What is your name\?$/);
  await page.keyboard.type("Ada\n");
  await edit.terminal.shows("Hello, Ada!");
  await page.keyboard.type("1990\n");
  await edit.terminal.shows(`You turn ${new Date().getFullYear() - 1990} this year.`);
  await expect(edit.bar("Program ended")).toContainText("The program ended.");
});

test("bash: it asks and answers", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("bash"));
  await edit.run();
  await edit.terminal.shows(/What is your name\?$/);
  await page.keyboard.type("Ada\n");
  await edit.terminal.shows(/Hello, Ada![\s\S]*Your choice\?$/);
  await page.keyboard.type("9\n");
  await edit.terminal.shows("Choose 1, 2 or 3.");
  await page.keyboard.type("2\n");
  await edit.terminal.shows("alcove.toml");
  await page.keyboard.type("3\n");
  await edit.terminal.shows("Goodbye, Ada.");
  await expect(edit.bar("Program ended")).toContainText("The program ended.");
});

test("c: it is built by make, and an edit is built by the next Run", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("c"));
  await edit.run();
  await edit.terminal.shows(/between 1 and 100\.\s+Your guess\?$/);
  await page.keyboard.type("nothing\n");
  await edit.terminal.shows("That is not a number.");
  await page.keyboard.type("0\n");
  await edit.terminal.shows("It is larger.");
  await page.keyboard.type("101\n");
  await edit.terminal.shows("It is smaller.");
  await page.keyboard.press("Control+d");
  await expect(edit.bar("Program ended")).toContainText("The program ended.");

  await edit.editor.goToEndOf("main.c", "LARGEST = 100");
  for (let i = 0; i < " };".length; i++) await page.keyboard.press("ArrowLeft");
  await page.keyboard.type("0");
  await edit.saved();
  await edit.run();
  await edit.terminal.shows("between 1 and 1000.");
});

test("cpp: it is built by make, and counts words", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("cpp"));
  await edit.run();
  await edit.terminal.shows(/Your sentence\?$/);
  await page.keyboard.type("a rose is a rose\n");
  await edit.terminal.shows(/a: 2\s+is: 1\s+rose: 2/);
  await page.keyboard.type("\n");
  await edit.terminal.shows("Goodbye.");
  await expect(edit.bar("Program ended")).toContainText("The program ended.");
});
