import { expect, signIn, test } from "./fixtures";
import { DashboardPage } from "./pages/dashboard";

/** What can be used, and says nothing of itself to those who can't see it. */
const NAMELESS = /^\s*- (button|link|textbox|combobox|tab|treeitem|separator|menuitem|region)\b(?! ")/m;

test("everything that can be used has a name", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("node", "named"));
  await edit.terminal.prompt();
  await edit.run();
  await edit.preview.frame(3000).getByRole("heading").waitFor();
  expect(await page.locator("body").ariaSnapshot()).not.toMatch(NAMELESS);
  await page.getByRole("link", { name: "Back to your repls" }).click();
  await page.getByRole("button", { name: "More for named" }).click();
  expect(await page.locator("body").ariaSnapshot()).not.toMatch(NAMELESS);
});

test("the keyboard alone is enough", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("python-console"));
  await edit.terminal.prompt();
  const focusIn = (region: string) =>
    expect
      .poll(() =>
        page
          .getByRole("region", { name: region })
          .evaluate((element) => element.contains(document.activeElement)),
      )
      .toBe(true);
  await expect(edit.editor.content("main.py")).toBeVisible();
  await edit.tree.item("main.py").focus();
  await page.keyboard.press("F6");
  await focusIn("Editor");
  await page.keyboard.press("F6");
  await focusIn("Terminal");
  await page.keyboard.press("F6");
  await focusIn("Files");
  await page.keyboard.press("Home");
  await page.keyboard.type("alc");
  await page.keyboard.press("Enter");
  await expect(edit.editor.tab("alcove.toml")).toHaveAttribute("aria-selected", "true");
  await expect(edit.editor.content("alcove.toml")).toBeFocused();
  await page.keyboard.press("Control+Enter");
  await edit.terminal.shows(/What is your name\?$/);
  await focusIn("Terminal");
  await page.keyboard.press("Control+Backquote");
  await focusIn("Editor");
});

test("dark and light: what is chosen is kept", async ({ page, server }) => {
  await page.emulateMedia({ colorScheme: "light" });
  await signIn(page, server.reach);
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await page.getByRole("button", { name: "Dark theme" }).click();
  await expect.poll(background).not.toBe(light);
  const dark = await background();
  await expect
    .poll(async () => (await server.request("GET", "/api/me/settings")).json())
    .toMatchObject({ theme: "dark" });
  await page.reload();
  await expect(new DashboardPage(page).field).toBeVisible();
  await expect.poll(background).toBe(dark);
  await page.getByRole("button", { name: "Light theme" }).click();
  await expect.poll(background).toBe(light);
});
