import type { Page } from "@playwright/test";
import { expect, signIn, test } from "./fixtures";
import { EditPage } from "./pages/edit";
import { Messages } from "./pages/messages";

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
  await terminal.prompt();
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
  await expect(edit.editor.content("notes.txt")).toBeFocused();
  await page.keyboard.type("NEW ");
  await expect(page.locator(".cm-activeLine")).toHaveText("second NEW line");
});

test("a program copies to the clipboard, and can't read it", async ({ repl, edit: open, page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const { terminal } = await open(await repl("blank"));
  const messages = await Messages.held(page);
  await terminal.run(`printf '\\033]52;c;%s\\a' "$(printf 'from a program' | base64)"`);
  await expect(messages.says("A program copied 14 characters.")).toBeVisible();
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe("from a program");
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
  await terminal.shows(/\nline 9999$/, 180_000);
  await terminal.focus();
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

test("with the mode for screen readers, what a program writes is there as text and is said", async ({
  startServer,
  edit: open,
  page,
}) => {
  // It is a person's setting: nobody else of these tests is to have it.
  const server = await startServer();
  const { terminal } = await open(await server.create("blank", "read aloud"), server.reach);
  await terminal.prompt();
  const lines = terminal.region.locator(".xterm-accessibility");
  await expect(lines).toHaveCount(0);
  await page.getByRole("button", { name: "Settings" }).click();
  const settings = page.getByRole("dialog", { name: "Settings" });
  await settings.getByLabel("For screen readers").check();
  await page.keyboard.press("Escape");
  await expect(settings).toHaveCount(0);
  await terminal.run("echo read this aloud");
  await expect(lines.getByRole("listitem").filter({ hasText: /^read this aloud/ })).toHaveCount(1);
  const said = lines.locator("[aria-live=assertive]");
  await terminal.type("echo said as it comes\n");
  await expect(said).toContainText("said as it comes");
  await page.getByRole("button", { name: "Settings" }).click();
  await settings.getByLabel("For screen readers").uncheck();
  await page.keyboard.press("Escape");
  await expect(lines).toHaveCount(0);
});

test("without WebGL a terminal is drawn all the same", async ({ repl, server, page, playwright }, info) => {
  const made = await repl("blank");
  const options = info.project.use.launchOptions;
  const args = [...(options?.args ?? []), "--disable-webgl", "--disable-webgl2"];
  const browser = await playwright.chromium.launch({ ...options, args });
  try {
    const plain = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    await signIn(plain, server.reach);
    const { terminal } = await EditPage.open(plain, `${server.origin}/r/${made.id}`);
    await terminal.run("echo drawn by hand");
    const row = terminal.region.locator(".xterm-rows > div").filter({ hasText: /^drawn by hand/ });
    await expect(row).toBeVisible();
    await expect(terminal.region.locator("canvas")).toHaveCount(0);

    // With it, a canvas takes the rows' place.
    await signIn(page, server.reach);
    const usual = await EditPage.open(page, `${server.origin}/r/${made.id}`);
    await expect(usual.terminal.region.locator("canvas").first()).toBeAttached();
    await expect(usual.terminal.region.locator(".xterm-rows > div")).toHaveCount(0);
  } finally {
    await browser.close();
  }
});
