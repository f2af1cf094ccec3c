import { expect, test } from "./fixtures";

test("python-console: Run focuses the terminal, and no preview opens", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("python-console"));
  await edit.terminal.prompt();
  await edit.run();
  await expect(edit.terminal.tab("Run")).toHaveAttribute("aria-selected", "true");
  await edit.terminal.shows(/What is your name\?$/);
  // Without a click: the keys must go there by themselves.
  await edit.terminal.answer("Ada\n");
  await edit.terminal.shows("Hello, Ada!");
  await expect(edit.bar("Program ended")).toContainText("The program ended.");
  await expect(edit.preview.region).toHaveCount(0);

  await page.getByRole("button", { name: "Run again" }).click();
  await edit.terminal.shows(/What is your name\?$/);
  await edit.terminal.answer("Grace\n");
  await edit.terminal.shows("Hello, Grace!");
});

test("node-console: it asks and answers", async ({ repl, edit: open }) => {
  const edit = await open(await repl("node-console"));
  await edit.run();
  await edit.terminal.shows(/What is your name\?$/);
  await edit.terminal.answer("Ada\n");
  await edit.terminal.shows("Hello, Ada!");
  await edit.terminal.answer("1990\n");
  await edit.terminal.shows(`You turn ${new Date().getFullYear() - 1990} this year.`);
  await expect(edit.bar("Program ended")).toContainText("The program ended.");
});

test("bash: it asks and answers", async ({ repl, edit: open }) => {
  const edit = await open(await repl("bash"));
  await edit.run();
  await edit.terminal.shows(/What is your name\?$/);
  await edit.terminal.answer("Ada\n");
  await edit.terminal.shows(/Hello, Ada![\s\S]*Your choice\?$/);
  await edit.terminal.answer("9\n");
  await edit.terminal.shows("Choose 1, 2 or 3.");
  await edit.terminal.answer("2\n");
  await edit.terminal.shows("alcove.toml");
  await edit.terminal.answer("3\n");
  await edit.terminal.shows("Goodbye, Ada.");
  await expect(edit.bar("Program ended")).toContainText("The program ended.");
});

test("c: it is built by make, and an edit is built by the next Run", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("c"));
  await edit.run();
  await edit.terminal.shows(/between 1 and 100\.\s+Your guess\?$/);
  await edit.terminal.answer("nothing\n");
  await edit.terminal.shows("That is not a number.");
  await edit.terminal.answer("0\n");
  await edit.terminal.shows("It is larger.");
  await edit.terminal.answer("101\n");
  await edit.terminal.shows("It is smaller.");
  await edit.terminal.focus();
  await page.keyboard.press("Control+d");
  await expect(edit.bar("Program ended")).toContainText("The program ended.");

  await edit.editor.goToEndOf("main.c", "LARGEST = 100");
  for (let i = 0; i < " };".length; i++) await page.keyboard.press("ArrowLeft");
  await page.keyboard.type("0");
  await edit.saved();
  await edit.run();
  await edit.terminal.shows("between 1 and 1000.");
});

test("cpp: it is built by make, and counts words", async ({ repl, edit: open }) => {
  const edit = await open(await repl("cpp"));
  await edit.run();
  await edit.terminal.shows(/Your sentence\?$/);
  await edit.terminal.answer("a rose is a rose\n");
  await edit.terminal.shows(/a: 2\s+is: 1\s+rose: 2/);
  await edit.terminal.answer("\n");
  await edit.terminal.shows("Goodbye.");
  await expect(edit.bar("Program ended")).toContainText("The program ended.");
});
