import { expect, signIn, test } from "./fixtures";
import { Palette } from "./pages/palette";

test("what is chosen holds at once, and in every browser of the person", async ({
  repl,
  edit: open,
  page,
  person,
  server,
}) => {
  const made = await repl("blank");
  const edit = await open(made);
  await edit.tree.open("README.md");
  const content = edit.editor.content("README.md");
  await expect(content).toBeVisible();
  await page.keyboard.press("Control+,");
  const settings = page.getByRole("dialog", { name: "Settings" });
  await settings.getByLabel("Dark", { exact: true }).check();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  const size = settings.getByLabel("Size of letters", { exact: true });
  await size.fill("18");
  await expect(content).toHaveCSS("font-size", "18px");
  // What is out of bounds is said, and changes nothing.
  await size.fill("400");
  await expect(settings.getByRole("alert")).toHaveText("8 to 40 pixels");
  await expect(content).toHaveCSS("font-size", "18px");
  await size.blur();
  await expect(size).toHaveValue("18");
  await settings.getByLabel("Wrap long lines").check();
  await expect(content).toHaveClass(/cm-lineWrapping/);
  await page.keyboard.press("Escape");
  await expect(settings).toHaveCount(0);
  await page.keyboard.press("Alt+z");
  await expect(content).not.toHaveClass(/cm-lineWrapping/);

  const kept = async () => (await server.request("GET", "/api/me/settings")).json();
  await expect.poll(kept).toMatchObject({ theme: "dark", editor_font_px: 18, word_wrap: false });
  const elsewhere = await person();
  await signIn(elsewhere, server.reach);
  await expect(elsewhere.locator("html")).toHaveAttribute("data-theme", "dark");
  await elsewhere.getByRole("button", { name: "Settings" }).click();
  await elsewhere.getByRole("dialog", { name: "Settings" }).getByLabel("As the system").check();
  await expect.poll(kept).toMatchObject({ theme: "system", editor_font_px: 18 });
});

test("vim's keys are there for those who want them", async ({ repl, edit: open, page, server }) => {
  const edit = await open(await repl("blank"));
  await edit.tree.open("README.md");
  await edit.editor.replace("README.md", "one two\nthree\n");
  await page.keyboard.press("Control+,");
  await page.getByRole("dialog").getByLabel("Vim keys").check();
  await page.keyboard.press("Escape");
  await edit.editor.content("README.md").click();
  await expect(
    edit.editor.region.locator(".cm-vim-panel, .cm-vimMode, .cm-fat-cursor").first(),
  ).toBeAttached();
  await page.keyboard.press("Escape");
  await page.keyboard.type("ggdwAx");
  await page.keyboard.press("Escape");
  await expect.poll(() => edit.editor.text("README.md")).toBe("twox\nthree\n");
  await edit.saved();
  await page.keyboard.press("Control+,");
  await page.getByRole("dialog").getByLabel("Vim keys").uncheck();
  await expect(edit.editor.region.locator(".cm-fat-cursor")).toHaveCount(0);
  await expect
    .poll(async () => (await server.request("GET", "/api/me/settings")).json())
    .toMatchObject({ vim: false });
});

test("a change that the server can't keep is said, and tried again", async ({ repl, edit: open, page }) => {
  await open(await repl("blank"));
  await page.route("**/api/me/settings", (route) =>
    route.request().method() === "PUT" ? route.abort() : route.fallback(),
  );
  await page.getByRole("button", { name: "Dark theme" }).click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  const message = page.getByRole("alert").filter({ hasText: "not kept on the server" });
  await expect(message).toBeVisible();
  await page.unroute("**/api/me/settings");
  await message.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("button", { name: "Light theme" }).click();
  await expect(page.locator("html")).not.toHaveAttribute("data-theme", "dark");
});

test("keys are found, changed, taken from others, and reset", async ({ repl, edit: open, page, server }) => {
  const made = await repl("blank");
  const edit = await open(made);
  const palette = new Palette(page);
  await edit.terminal.prompt();
  await palette.command("Keyboard shortcuts");
  const dialog = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await expect(dialog.getByRole("textbox", { name: "Find a command or keys" })).toBeFocused();
  const row = (name: string) => dialog.getByRole("listitem", { name, exact: true });
  await dialog.getByRole("textbox", { name: "Find a command or keys" }).fill("ctrl+b");
  await expect(row("View: Show or hide the files")).toContainText("Ctrl+B");

  await dialog.getByRole("textbox", { name: "Find a command or keys" }).fill("new terminal");
  await row("Terminal: New terminal")
    .getByRole("button", { name: /Change/ })
    .click();
  await expect(dialog.getByRole("textbox", { name: /New keys/ })).toBeFocused();
  await page.keyboard.press("x");
  await expect(dialog.getByText(/alone it types/)).toBeVisible();
  await page.keyboard.press("Control+b");
  await expect(dialog.getByText(/Show or hide the files”, which loses them/)).toBeVisible();
  await page.keyboard.press("Control+Shift+y");
  await expect(dialog.getByText("They are free.")).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(row("Terminal: New terminal")).toContainText("Ctrl+Shift+Y");
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);

  await page.keyboard.press("Control+Shift+y");
  await expect(edit.terminal.tab("Shell 2")).toBeVisible();
  const kept = async () => (await server.request("GET", "/api/me/settings")).json();
  await expect.poll(kept).toMatchObject({ keys: { "terminal.new": "Mod+Shift+Y" } });
  await edit.reload();
  await palette.open("Control+Shift+P", "Commands");
  await palette.type("New terminal");
  await expect(page.getByRole("option", { selected: true })).toContainText("Ctrl+Shift+Y");
  await page.keyboard.press("Escape");

  await palette.command("Keyboard shortcuts");
  await dialog.getByRole("button", { name: /Reset all/ }).click();
  await expect(row("Terminal: New terminal")).toContainText("Ctrl+Shift+`");
  await expect.poll(kept).toMatchObject({ keys: {} });
});

test("the settings can be used with a keyboard alone", async ({ page, server }) => {
  await signIn(page, server.reach);
  const gear = page.getByRole("button", { name: "Settings" });
  await gear.focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Settings" });
  await expect(dialog).toBeVisible();
  await expect(dialog.locator(":focus")).toHaveCount(1);
  await page.keyboard.press("Tab");
  await expect(dialog.getByRole("radio", { name: "As the system" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(gear).toBeFocused();
});
