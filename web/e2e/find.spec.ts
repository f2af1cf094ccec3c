/** Finding and replacing in the file that is shown. */
import { expect, test } from "./fixtures";

test("finding, replacing one and all, and taking it back", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("blank"));
  const text = "one two\nOne, only one\n";
  await edit.terminal.write("a.txt", text);
  await edit.tree.open("a.txt");
  await edit.editor.goToStart("a.txt");
  await page.keyboard.press("Control+f");
  const panel = page.getByRole("search", { name: "Find in the file" });
  await expect(panel.getByRole("textbox", { name: "Find" })).toBeFocused();
  await page.keyboard.type("one");
  const count = panel.getByRole("status");
  await expect(count).toHaveText("3");
  await page.keyboard.press("Enter");
  await expect(count).toHaveText("1 of 3");
  await panel.getByRole("button", { name: "Match below" }).click();
  await expect(count).toHaveText("2 of 3");
  await panel.getByRole("button", { name: "Match above" }).click();
  await expect(count).toHaveText("1 of 3");
  await panel.getByRole("button", { name: "Match case" }).click();
  await expect(count).toHaveText("1 of 2");

  await page.keyboard.press("Control+h");
  await expect(panel.getByRole("textbox", { name: "Replace with" })).toBeFocused();
  await page.keyboard.type("1");
  await panel.getByRole("button", { name: "Replace", exact: true }).click();
  await expect.poll(() => edit.editor.text("a.txt")).toMatch(/^1 two\nOne, only one/);
  await expect(count).toHaveText("1 of 1");
  await panel.getByRole("button", { name: "Match case" }).click();
  await panel.getByRole("button", { name: "Replace all" }).click();
  await expect.poll(() => edit.editor.text("a.txt")).toMatch(/^1 two\n1, only 1/);
  await expect(count).toHaveText("Not found");

  await page.keyboard.press("Escape");
  await expect(panel).toHaveCount(0);
  await expect(edit.editor.content("a.txt")).toBeFocused();
  // What was done in quick succession is taken back at once.
  await expect(async () => {
    await page.keyboard.press("Control+z");
    expect(await edit.editor.text("a.txt")).toMatch(/^one two\nOne, only one/);
  }).toPass();
});
