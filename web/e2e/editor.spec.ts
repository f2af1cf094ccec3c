import { expect, test } from "./fixtures";
import { Palette } from "./pages/palette";

test("brackets, folding and several carets work by hand, by key and by command", async ({
  repl,
  edit: open,
  page,
}) => {
  const edit = await open(await repl("blank"));
  const palette = new Palette(page);
  await edit.terminal.prompt();
  await edit.terminal.write("a.js", "function f() {\n  one();\n  two();\n}\nlast();");
  await edit.tree.open("a.js");
  const content = edit.editor.content("a.js");
  await expect(edit.editor.line("a.js", "function f")).toBeVisible();

  await edit.editor.goToEndOf("a.js", "last");
  await page.keyboard.type("\ncall([1");
  await expect.poll(() => edit.editor.text("a.js")).toContain("call([1])");
  await expect(content.locator(".cm-matchingBracket")).toHaveCount(2);
  await palette.command("Go to matching bracket");
  await expect(content).toBeFocused();
  await page.keyboard.type("x");
  await expect.poll(() => edit.editor.text("a.js")).toContain("call([x1])");

  // What can be folded is known once the language is.
  await expect(edit.editor.line("a.js", "function f").locator("span").first()).toHaveText("function");
  await edit.editor.goToEndOf("a.js", "function f");
  await palette.command("Fold");
  await expect(content.locator(".cm-foldPlaceholder")).toBeVisible();
  await expect(content).not.toContainText("two();");
  await palette.command("Unfold all");
  await expect(content).toContainText("two();");
  await edit.editor.region.locator(".cm-foldGutter").getByTitle("Fold line", { exact: true }).click();
  await expect(content).not.toContainText("two();");
  await content.locator(".cm-foldPlaceholder").click();

  // Three lines get the same beginning: by keys, by a command, by the pointer.
  await edit.editor.replace("a.js", "aa\nbb\ncc\ndd");
  await edit.editor.goToStart("a.js");
  await page.keyboard.press("Control+Alt+ArrowDown");
  await palette.command("Add a caret below");
  await expect(content).toBeFocused();
  await page.keyboard.type("- ");
  await expect.poll(() => edit.editor.text("a.js")).toBe("- aa\n- bb\n- cc\ndd");
  await page.keyboard.press("Escape");
  await edit.editor.line("a.js", "aa").click();
  await edit.editor.line("a.js", "dd").click({ modifiers: ["Control"] });
  await page.keyboard.press("End");
  await page.keyboard.type("!");
  await expect.poll(() => edit.editor.text("a.js")).toBe("- aa!\n- bb\n- cc\ndd!");
  await page.keyboard.press("Escape");

  await edit.editor.replace("a.js", "old new old");
  await edit.editor.goToStart("a.js");
  await page.keyboard.press("Control+d");
  await page.keyboard.press("Control+d");
  await page.keyboard.type("x");
  await expect.poll(() => edit.editor.text("a.js")).toBe("x new x");
  await page.keyboard.press("Escape");

  await palette.command("Vim keys in the editor, or not");
  await expect(edit.editor.region.locator(".cm-fat-cursor").first()).toBeAttached();
  await palette.command("Vim keys in the editor, or not");
  await expect(edit.editor.region.locator(".cm-fat-cursor")).toHaveCount(0);
  await palette.command("Wrap long lines, or not");
  await expect(content).toHaveClass(/cm-lineWrapping/);
  await palette.command("Wrap long lines, or not");
  await expect(content).not.toHaveClass(/cm-lineWrapping/);
});

test("what an input method composes in the editor comes once, and is saved", async ({
  repl,
  edit: open,
  page,
  context,
}) => {
  const edit = await open(await repl("blank"));
  await edit.terminal.prompt();
  await edit.terminal.write("a.txt", "before\n");
  await edit.tree.open("a.txt");
  await edit.editor.goToEndOf("a.txt", "before");
  await page.keyboard.type(" ");
  const input = await context.newCDPSession(page);
  for (const text of ["に", "にほ", "にほん"]) {
    const caret = { selectionStart: text.length, selectionEnd: text.length };
    await input.send("Input.imeSetComposition", { text, ...caret });
  }
  await expect.poll(() => edit.editor.text("a.txt")).toBe("before にほん\n");
  await input.send("Input.insertText", { text: "日本" });
  await page.keyboard.type(" 👩‍👩‍👧 after");
  await expect.poll(() => edit.editor.text("a.txt")).toBe("before 日本 👩‍👩‍👧 after\n");
  await edit.saved();
  expect(await edit.terminal.run("cat a.txt")).toBe("before 日本 👩‍👩‍👧 after");
});
