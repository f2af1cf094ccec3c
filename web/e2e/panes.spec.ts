import type { Page } from "@playwright/test";
import { expect, test } from "./fixtures";
import { Palette } from "./pages/palette";
import { Panes } from "./pages/panes";

/** Buttons that can be seen and are less than 44 pixels wide or high. */
const tooSmall = (page: Page) =>
  page.evaluate(() =>
    [...document.querySelectorAll("button")].flatMap((button) => {
      const { width, height } = button.getBoundingClientRect();
      if (!button.checkVisibility({ visibilityProperty: true }) || (width >= 44 && height >= 44)) return [];
      return [`${button.getAttribute("aria-label") ?? button.textContent}: ${width} × ${height}`];
    }),
  );

test("two files stand beside each other, and one file twice", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("blank"));
  const panes = new Panes(page);
  await edit.terminal.prompt();
  await edit.terminal.write("a.txt", "text of a\n");
  await edit.terminal.write("b.txt", "text of b\n");
  await edit.tree.open("a.txt");
  await edit.tree.open("b.txt");
  await panes.drag(panes.tab("b.txt"), edit.editor.region, [0.9, 0.5]);
  const [a, b] = [panes.region("Editor: a.txt"), panes.region("Editor: b.txt")];
  await panes.leftOf(a, b);

  // The same file once more, below: what is typed in one is in the other, and each has its caret.
  await edit.editor.goToEnd("b.txt");
  await page.keyboard.press("Control+Alt+\\");
  const views = panes.region("Editor: b.txt");
  await expect(views).toHaveCount(2);
  await expect(views.nth(1).locator(".cm-content")).toBeFocused();
  await page.keyboard.type("typed below");
  await expect(views.nth(0).getByText("typed below")).toBeVisible();
  await expect(views.nth(1).getByText("typed below")).toBeVisible();
  await expect(views.nth(1).locator(".cm-content")).toBeFocused();
  await panes.above(views.nth(0), views.nth(1));
  await page.keyboard.press("Control+z");
  await expect(views.nth(0).getByText("typed below")).toHaveCount(0);

  await page.keyboard.press("Alt+w");
  await expect(views).toHaveCount(1);
  await expect(views.getByText("text of b")).toBeVisible();
});

test("a terminal and a page go on where they are moved, and the arrangement is kept", async ({
  repl,
  edit: open,
  page,
}) => {
  const edit = await open(await repl("node"));
  const panes = new Panes(page);
  const palette = new Palette(page);
  await edit.run();
  const app = edit.preview.frame(3000);
  await expect(app.getByText("You asked for /")).toBeVisible();
  // What a page keeps in itself is lost when its frame loads anew.
  const mark = () => app.locator("body").evaluate((body) => body.dataset.mark ?? "");
  await app.locator("body").evaluate((body) => {
    body.dataset.mark = "still here";
  });
  await edit.terminal.tab("Shell 1").click();
  await edit.terminal.run("seq 1 200; WHO=me");
  await edit.terminal.prompt();
  const before = await edit.terminal.text();

  const [editor, terminal, preview] = [edit.editor.region, edit.terminal.region, edit.preview.region];
  await panes.drag(panes.tab("Shell 1"), editor, [0.1, 0.5]);
  await panes.leftOf(terminal.first(), editor);
  await panes.drag(page.getByRole("button", { name: "Move or close: Preview" }), editor, [0.5, 0.95]);
  await panes.above(editor, preview);
  expect(await mark()).toBe("still here");
  await palette.command("Maximise this pane, or bring the others back");
  await expect(preview).toBeVisible();
  await expect(editor).toBeHidden();
  await palette.command("Maximise this pane, or bring the others back");
  await expect(editor).toBeVisible();
  // As a tab behind another one.
  await panes.drag(page.getByRole("button", { name: "Move or close: Preview" }), editor, [0.5, 0.5]);
  await panes.tab("index.js").click();
  await expect(preview).toBeHidden();
  await panes.tab("Preview").click();
  await expect(preview).toBeVisible();
  expect(await mark()).toBe("still here");
  const shell = panes.region("Terminal: Shell 1");
  const shown = () =>
    shell.locator(".terminal-view").evaluate((element) => {
      let text = "";
      const detail = (read: string) => {
        text = read;
      };
      element.dispatchEvent(new CustomEvent("alcove:read-screen", { detail }));
      return text;
    });
  // The shell draws its prompt anew in the new width.
  await expect.poll(shown).toBe(before);

  await edit.reload();
  await expect(panes.tab("Preview")).toHaveAttribute("aria-selected", "true");
  await panes.tab("index.js").click();
  await panes.leftOf(shell, editor);

  await palette.command("Put the panes back as they were at first");
  await expect(panes.region("Terminal")).toHaveCount(1);
  await panes.above(editor, terminal);
});

test("panes are put away and come back to their place", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("blank"));
  const panes = new Panes(page);
  const palette = new Palette(page);
  await edit.terminal.prompt();
  await page.getByRole("button", { name: "Move or close: Files" }).click();
  await page.getByRole("menuitem", { name: "Move this pane to the right" }).click();
  const [files, editor] = [edit.tree.region, edit.editor.region];
  await panes.leftOf(editor, files);
  await page.getByRole("button", { name: "Move or close: Files" }).click();
  await page.getByRole("menuitem", { name: "Close this pane" }).click();
  await expect(files).toHaveCount(0);
  await page.getByRole("button", { name: "Show files" }).click();
  await panes.leftOf(editor, files);
  await palette.command("Search in all files");
  await expect(panes.tab("Search")).toHaveAttribute("aria-selected", "true");
  await panes.tab("Files").click();
  await expect(files).toBeVisible();

  // What can't be understood is not used.
  await page.evaluate(() => {
    for (const key of Object.keys(localStorage))
      if (key.startsWith("alcove.layout."))
        localStorage.setItem(key, '{"version":2,"root":{"kind":"split"}}');
  });
  await edit.reload();
  await panes.leftOf(files, editor);
});

test("all of it is done by keys", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("blank"));
  const panes = new Panes(page);
  await edit.terminal.prompt();
  for (const name of ["a.txt", "b.txt"]) await edit.terminal.write(name, `text of ${name}\n`);
  for (const name of ["a.txt", "b.txt"]) await edit.tree.open(name);
  const tabs = edit.editor.tabs.getByRole("tab");
  await expect(tabs).toHaveText(["README.md", "a.txt", "b.txt"]);
  await edit.editor.goToEnd("b.txt");
  await page.keyboard.press("Control+Shift+PageUp");
  await expect(tabs).toHaveText(["README.md", "b.txt", "a.txt"]);
  await panes.tab("b.txt").focus();
  await page.keyboard.press("Control+Shift+PageUp");
  await expect(tabs).toHaveText(["b.txt", "README.md", "a.txt"]);

  // Tab goes from the tabs of a group into its pane.
  await panes.tab("b.txt").focus();
  for (let i = 0; i < 5; i++) await page.keyboard.press("Tab");
  await expect(edit.editor.content("b.txt")).toBeFocused();

  await page.keyboard.press("Control+F6");
  await expect(panes.tab("b.txt")).toHaveAttribute("aria-selected", "true");
  await expect(edit.editor.content("b.txt")).toBeFocused();
  await panes.above(panes.region("Editor: README.md"), panes.region("Editor: b.txt"));
  await page.keyboard.press("Control+Shift+F6");
  await expect(tabs).toHaveText(["README.md", "a.txt", "b.txt"]);
  await page.keyboard.press("Control+\\");
  await expect(panes.region("Editor: b.txt")).toHaveCount(2);
  await expect(panes.region("Editor: b.txt").locator(".cm-content")).toHaveCount(2);
  await expect(panes.region("Editor: b.txt").locator(".cm-content").and(page.locator(":focus"))).toHaveCount(
    1,
  );

  // Round all panes, and back to where it began.
  const where = () =>
    page.evaluate(() => document.activeElement?.closest("section")?.getAttribute("aria-label") ?? "");
  const seen: string[] = [];
  for (let i = 0; i < 4; i++) {
    const from = await page.evaluateHandle(() => document.activeElement);
    await page.keyboard.press("F6");
    await page.waitForFunction((before) => document.activeElement !== before, from);
    seen.push(await where());
  }
  expect(seen.sort()).toEqual(["Editor: b.txt", "Editor: b.txt", "Files", "Terminal"]);
});

test("on a small screen there is one pane at a time", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("blank"));
  await page.setViewportSize({ width: 390, height: 844 });
  const panes = new Panes(page);
  const dock = page.getByRole("navigation", { name: "Panes" });
  await expect(edit.editor.region).toBeVisible();
  await expect(edit.terminal.region).toBeHidden();
  await dock.getByRole("button", { name: "Shell" }).click();
  await edit.terminal.prompt();
  await expect(edit.editor.region).toBeHidden();
  await expect.poll(async () => (await panes.box(edit.terminal.region)).width).toBe(390);
  await dock.getByRole("button", { name: "Files" }).click();
  await edit.tree.open("README.md");
  await expect(edit.editor.tab("README.md")).toHaveAttribute("aria-selected", "true");
  await expect(page.getByRole("separator")).toHaveCount(0);

  // A thumb hits every button, and nothing is wider than the screen.
  for (const pane of ["Files", "Code", "Shell", "Preview"]) {
    await dock.getByRole("button", { name: pane }).click();
    await expect(dock.getByRole("button", { name: pane })).toHaveAttribute("aria-current", /./);
    await expect.poll(() => tooSmall(page), pane).toEqual([]);
    await expect.poll(() => page.evaluate(() => document.querySelector(".top")?.scrollWidth)).toBe(390);
  }
});

test("a name of twenty letters is read whole on a phone, whatever the program does", async ({
  repl,
  edit: open,
  page,
  server,
}) => {
  const name = "weather-station-2026";
  const made = await repl("blank", name);
  const edit = await open(made);
  await page.setViewportSize({ width: 390, height: 844 });
  const rename = page.getByRole("heading", { level: 1 }).getByRole("button", { name });
  const isWhole = async () => {
    await expect
      .poll(() => rename.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth))
      .toBe(0);
    await expect.poll(() => page.evaluate(() => document.querySelector(".top")?.scrollWidth)).toBe(390);
  };
  await expect(page.getByRole("status").filter({ hasText: /^(Saved|Saving…)$/ })).toBeVisible();
  await isWhole();
  await server.write(made.id, "main.sh?overwrite=true", "echo again >> rounds; exec sleep 600");
  await edit.runButton.click();
  await expect(edit.stopButton).toBeVisible();
  await isWhole();
  const rounds = () => server.read(made.id, "rounds");
  await expect.poll(rounds).toBe("again\n");

  // Restart has its place in the menu.
  await expect(page.getByRole("button", { name: "Restart" })).toHaveCount(0);
  await page.getByRole("button", { name: "More to run" }).click();
  await page.getByRole("menuitem", { name: "Restart" }).click();
  await expect.poll(rounds).toBe("again\nagain\n");
  await edit.stop();
  await isWhole();
});
