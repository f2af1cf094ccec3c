import type { Page } from "@playwright/test";
import { expect, test } from "./fixtures";

/** Pastes as the browser does it when a person presses its keys. */
async function paste(page: Page, text: string): Promise<void> {
  await page.getByRole("textbox", { name: "Terminal input" }).evaluate((field, pasted) => {
    const data = new DataTransfer();
    data.setData("text/plain", pasted);
    field.dispatchEvent(
      new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }),
    );
  }, text);
}

test("text is found in a terminal, far above too", async ({ repl, edit: open, page }) => {
  const { terminal } = await open(await repl("blank"));
  await terminal.run("seq -f 'row %g of many' 1 9000");
  await page.keyboard.press("Control+Shift+L");
  const bar = page.getByRole("search", { name: "Find in the terminal" });
  await expect(bar.getByRole("textbox", { name: "Find" })).toBeFocused();
  await page.keyboard.type("row 77 of");
  await expect(bar.getByRole("status")).toHaveText("1 of 1");
  await page.keyboard.type("f");
  await expect(bar.getByRole("status")).toHaveText("Not found");
  await page.keyboard.press("Escape");
  await expect(bar).toHaveCount(0);
  await expect(terminal.region.locator("textarea")).toBeFocused();
  expect(await terminal.run("echo goes on")).toBe("goes on");
});

test("a place of a file in a program's output opens the file there", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("blank"));
  const { terminal } = edit;
  await terminal.write("notes.txt", "first line\nsecond line\nthird line\n");
  const [rows = 0, cols = 0] = (await terminal.run("stty size")).split(" ").map(Number);
  await terminal.run("clear");
  await terminal.run("echo error: notes.txt:2:8 is wrong");
  const lines = (await terminal.text()).split("\n");
  const at = lines.findIndex((line) => line.startsWith("error: notes"));
  const screen = terminal.region.locator(".xterm-screen");
  const box = (await screen.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
  const top = Math.max(0, lines.length - rows);
  const cell = { x: box.x + (box.width / cols) * 10, y: box.y + (box.height / rows) * (at - top + 0.5) };
  // A link is looked for when the pointer comes.
  await page.mouse.move(cell.x - 40, cell.y + 60);
  await page.mouse.move(cell.x, cell.y, { steps: 4 });
  await expect(screen).toHaveCSS("cursor", "pointer");
  await page.mouse.click(cell.x, cell.y);
  await expect(page.getByRole("tab", { name: "notes.txt" })).toHaveAttribute("aria-selected", "true");
  await expect(page.locator(".cm-activeLine")).toHaveText("second line");
  await page.keyboard.type("NEW ");
  await expect(page.locator(".cm-activeLine")).toHaveText("second NEW line");
});

test("a program copies to the clipboard, and can't read it", async ({ repl, edit: open, page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const { terminal } = await open(await repl("blank"));
  await terminal.run(`printf '\\033]52;c;%s\\a' "$(printf 'from a program' | base64)"`);
  await expect(page.getByText("A program copied 14 characters.")).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("from a program");
  expect(await terminal.run(`printf '\\033]52;c;?\\a'; read -t 1 -n 1 answer; echo "[$answer]"`)).toBe("[]");
});

test("many lines are pasted only after a question, whole and in order", async ({
  repl,
  edit: open,
  page,
}) => {
  const edit = await open(await repl("blank"));
  const { terminal } = edit;
  await terminal.prompt();
  await terminal.type("echo re''ady; cat > pasted.txt\n");
  await terminal.shows("\nready");
  const text = Array.from({ length: 10_000 }, (_, i) => `line ${i}`).join("\n");
  await paste(page, `${text}\n`);
  const dialog = page.getByRole("dialog", { name: "Paste 10,000 lines?" });
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await expect(dialog).toHaveCount(0);
  await paste(page, `${text}\n`);
  await dialog.getByRole("button", { name: "Paste" }).click();
  await terminal.shows(/\nline 9999$/, 60_000);
  await terminal.press("Control+d");
  expect(await terminal.run("wc -l < pasted.txt; sort -u pasted.txt | wc -l; tail -n 1 pasted.txt")).toBe(
    "10000\n10000\nline 9999",
  );
});

test("what an input method composes comes once, wide characters and all", async ({
  repl,
  edit: open,
  page,
  context,
}) => {
  const { terminal } = await open(await repl("blank"));
  await terminal.prompt();
  await terminal.type("echo ");
  const input = await context.newCDPSession(page);
  for (const text of ["に", "にほ", "にほん"]) {
    await input.send("Input.imeSetComposition", {
      text,
      selectionStart: text.length,
      selectionEnd: text.length,
    });
  }
  await input.send("Input.insertText", { text: "日本" });
  await terminal.shows("echo 日本");
  await page.keyboard.type(" 👩‍👩‍👧 ende\n");
  await terminal.shows(/\n日本 👩‍👩‍👧 ende\n/u);
});
