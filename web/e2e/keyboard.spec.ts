import type { Page } from "@playwright/test";
import { expect, test } from "./fixtures";
import { EditPage } from "./pages/edit";

/** Until the focus is in this pane. */
async function goByF6(page: Page, region: string): Promise<void> {
  const pane = page.getByRole("region", { name: region }).first();
  const isThere = () => pane.evaluate((element) => element.contains(document.activeElement));
  for (let presses = 0; !(await isThere()); presses++) {
    expect(presses, `F6 leads to ${region}`).toBeLessThan(8);
    await page.keyboard.press("F6");
  }
}

test("from the sign-in to a running app and its page, without a mouse", async ({ page, server }) => {
  const { keyboard } = page;
  await page.goto(`${server.origin}/`);
  await expect(page.getByLabel("Token")).toBeFocused();
  await keyboard.type(server.token);
  await keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "What will you make?" })).toBeVisible();

  /** Until the focus is on what has this name, as Tab goes. */
  const tabTo = async (name: RegExp, key = "Tab") => {
    const focused = () =>
      page.evaluate(() => {
        const { activeElement: at } = document;
        return at?.getAttribute("aria-label") ?? at?.getAttribute("title") ?? at?.textContent ?? "";
      });
    for (let presses = 0; !name.test(await focused()); presses++) {
      expect(presses, `Tab leads to ${name}`).toBeLessThan(60);
      await keyboard.press(key);
    }
  };
  await tabTo(/^New repl/);
  await keyboard.type("keys html");
  await expect(page.getByText("Enter creates keys from HTML, CSS, JS")).toBeVisible();
  await keyboard.press("Enter");
  const edit = new EditPage(page);
  await edit.connected();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("keys");

  const goTo = (region: string) => goByF6(page, region);
  await goTo("Files");
  await keyboard.press("Home");
  await keyboard.type("index");
  await keyboard.press("Enter");
  await expect(edit.editor.tab("index.html")).toHaveAttribute("aria-selected", "true");
  await expect(edit.editor.content("index.html")).toBeFocused();
  await keyboard.press("Control+a");
  await keyboard.type("<h1>By keys</h1><a href='#there'>Follow me</a>");
  await keyboard.press("Control+s");
  await edit.saved();

  await keyboard.press("Control+Enter");
  await expect(edit.stopButton).toBeVisible();
  const frame = page.frameLocator("iframe[title^='Preview of port']");
  await expect(frame.getByRole("heading", { name: "By keys" })).toBeVisible();
  await goTo("Preview");
  await tabTo(/^Preview of port/);
  // In the frame the keys are the app's; its link is the first stop. The frame may be a process of its own, which
  // the keys come to a moment later: whoever went past it goes back.
  const link = frame.getByRole("link");
  const inFrame = () => page.evaluate(() => document.activeElement?.tagName === "IFRAME");
  await expect(async () => {
    if (!(await link.evaluate((element) => element === document.activeElement)))
      await keyboard.press((await inFrame()) ? "Tab" : "Shift+Tab");
    await expect(link).toBeFocused({ timeout: 5_000 });
  }).toPass();
  await keyboard.press("Enter");
  await expect(edit.preview.path).toHaveValue(/#there$/);
  // And out of it again.
  await keyboard.press("Shift+Tab");
  await expect.poll(inFrame).toBe(false);
  await tabTo(/^Open in new tab/, "Shift+Tab");
  await keyboard.press("Control+Enter");
  await tabTo(/^Stop/);
  await keyboard.press("Enter");
  await expect(edit.runButton).toBeVisible();
});

test("F6 goes on from a pane whose code is still on its way", async ({ repl, edit: open, page }) => {
  let come = () => {};
  const comes = new Promise<void>((resolve) => {
    come = resolve;
  });
  await page.route(/\/TerminalView-[^/]*\.js$/, async (route) => {
    await comes;
    await route.continue();
  });
  const edit = await open(await repl("blank"));
  await expect(edit.tree.item("README.md")).toBeVisible();
  await expect(page.getByRole("region", { name: "Terminal" })).toBeVisible();
  for (const region of ["Files", "Editor", "Files", "Editor"]) await goByF6(page, region);
  come();
  await edit.terminal.prompt();
});
