import { expect, signIn, test } from "./fixtures";
import { EditPage } from "./pages/edit";
import { Palette } from "./pages/palette";

test("files are indented as .editorconfig says, as their text is, or as was chosen", async ({
  repl,
  edit: open,
  page,
}) => {
  const edit = await open(await repl("blank"));
  const status = page.getByRole("contentinfo");
  await edit.terminal.write("four.txt", "a:\n    b\n    c");
  await edit.terminal.write("tabs.txt", "a:\n\tb\n\tc");
  await edit.tree.open("four.txt");
  await expect(status.getByRole("button", { name: "Indentation: Spaces: 4" })).toBeVisible();
  await expect(status.getByRole("button", { name: "Ends of lines: LF" })).toBeVisible();
  await edit.tree.open("tabs.txt");
  await expect(status.getByRole("button", { name: "Indentation: Tabs:" })).toBeVisible();
  await edit.editor.goToEnd("tabs.txt");
  await page.keyboard.type("\nx");
  await page.keyboard.press("Control+]");
  await expect.poll(() => edit.editor.text("tabs.txt")).toMatch(/\n\t\tx\n?$/);

  // It comes while the file is open, and is edited while it applies.
  await edit.terminal.write(".editorconfig", "root = true\n[*.txt]\nindent_style = space\nindent_size = 3");
  await expect(status.getByRole("button", { name: "Indentation: Spaces: 3" })).toBeVisible();
  await edit.tree.open(".editorconfig");
  await edit.editor.replace(".editorconfig", "root = true\n[*.txt]\nindent_style = space\nindent_size = 6\n");
  await edit.editor.tab("tabs.txt").click();
  await expect(status.getByRole("button", { name: "Indentation: Spaces: 6" })).toBeVisible();

  // By a click, and by a command, for this file.
  await status.getByRole("button", { name: "Indentation:" }).click();
  await page.getByRole("menuitem", { name: "8 spaces" }).click();
  await expect(status.getByRole("button", { name: "Indentation: Spaces: 8" })).toBeVisible();
  await edit.editor.tab("four.txt").click();
  await expect(status.getByRole("button", { name: "Indentation: Spaces: 6" })).toBeVisible();
  const palette = new Palette(page);
  await palette.open("Control+k", "Commands");
  await palette.type("indent with tabs");
  await palette.take(/Indent this file with tabs$/);
  await expect(status.getByRole("button", { name: "Indentation: Tabs:" })).toBeVisible();

  // In a folder that the file list does not show, it is noticed by whoever comes back to the editor.
  await edit.terminal.run("mkdir away; echo a > away/inner.txt");
  await edit.editor.content("four.txt").click();
  await palette.open("Control+p", "Open file");
  await palette.type("inner");
  await palette.take("away/inner.txt");
  await expect(status.getByRole("button", { name: "Indentation: Spaces: 6" })).toBeVisible();
  await edit.terminal.write("away/.editorconfig", "root = true\n[*]\nindent_style = space\nindent_size = 5");
  await edit.editor.content("inner.txt").click();
  await expect(status.getByRole("button", { name: "Indentation: Spaces: 5" })).toBeVisible();
  await expect(edit.tree.item("inner.txt")).toHaveCount(0);
});

test("saving tidies as .editorconfig says, but no line in which somebody else is", async ({
  repl,
  edit: open,
  page,
  person,
  server,
}) => {
  const made = await repl("blank");
  const edit = await open(made);
  await edit.terminal.write(
    ".editorconfig",
    "[*.txt]\ntrim_trailing_whitespace = true\ninsert_final_newline = true\nend_of_line = crlf",
  );
  await edit.terminal.run("printf 'one\\ntwo  \\nthree  ' > a.txt");
  await edit.tree.open("a.txt");
  await edit.editor.goToEndOf("a.txt", "one");
  await page.keyboard.type("  ");
  const other = await person();
  await signIn(other, server.reach);
  const b = await EditPage.open(other, `${server.origin}/r/${made.id}`);
  await b.tree.open("a.txt");
  await b.editor.goToEndOf("a.txt", "two");
  await expect(edit.editor.line("a.txt", "two").locator(".cm-other-caret")).toHaveCount(1);

  await page.keyboard.press("Control+s");
  await expect.poll(() => b.editor.text("a.txt")).toBe("one\ntwo  \nthree\n");
  await expect(page.getByRole("button", { name: "Ends of lines: CRLF" })).toBeVisible();
  await expect(other.getByRole("button", { name: "Ends of lines: CRLF" })).toBeVisible();
  await other.keyboard.type("!");
  await expect.poll(() => edit.editor.text("a.txt")).toBe("one\ntwo  !\nthree\n");
  await other.keyboard.press("Backspace");
  // Leaving the file is being done with it, too.
  await edit.editor.goToEndOf("a.txt", "one");
  await b.tree.open("README.md");
  await expect.poll(() => edit.editor.text("a.txt")).toBe("one\ntwo\nthree\n");
  await edit.saved();
  expect(await edit.terminal.output("od -An -c a.txt | tr -d ' \\n'")).toBe("one\\r\\ntwo\\r\\nthree\\r\\n");
});

test("a file is known by its first line, and a new Makefile takes tabs", async ({
  repl,
  edit: open,
  page,
}) => {
  const edit = await open(await repl("blank"));
  const status = page.getByRole("contentinfo");
  await edit.terminal.write("tool", "print(1)\n");
  await edit.tree.open("tool");
  await expect(status.getByText("Plain text")).toBeVisible();
  await edit.editor.goToStart("tool");
  await page.keyboard.type("#!/usr/bin/env python3\n");
  await expect(status.getByText("Python", { exact: true })).toBeVisible();
  await expect(edit.editor.line("tool", "print(1)").locator("span").first()).toHaveText("print");

  await edit.terminal.write("Makefile", "all:");
  await edit.tree.open("Makefile");
  await expect(status.getByText("Makefile", { exact: true })).toBeVisible();
  await edit.editor.goToEnd("Makefile");
  await page.keyboard.type("\n");
  await page.keyboard.press("Tab");
  await page.keyboard.type("@echo made by make");
  await expect.poll(() => edit.editor.text("Makefile")).toContain("\n\t@echo made by make");
});
