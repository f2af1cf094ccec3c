/** Pictures of a real repl for the documents: `make pictures` puts them there; else they are for whoever looks. */
import type { Page } from "@playwright/test";
import { expect, signIn, test } from "./fixtures";
import { EditPage } from "./pages/edit";
import { Palette } from "./pages/palette";

const FOLDER = process.env.ALCOVE_PICTURES ?? "test-results/pictures";
const SCREEN = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>Tea</title>
    <link rel="stylesheet" href="style.css" />
    <script type="module" src="script.js"></script>
  </head>
  <body>
    <h1>Tea for <output>1</output></h1>
    <button>One more cup</button>
  </body>
</html>
`;
const SCRIPT = `const cups = document.querySelector("output");

/** One more guest, one more cup. */
document.querySelector("button").addEventListener("click", () => {
  cups.value = Number(cups.value) + 1;
});
`;
const STYLE = `body {
  font: 18px system-ui;
  margin: 3rem;
}
button {
  padding: 0.5rem 1rem;
}
`;

async function take(page: Page, name: string): Promise<void> {
  for (const look of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme: look, reducedMotion: "reduce" });
    await page.screenshot({ path: `${FOLDER}/${name}-${look}.png`, animations: "disabled" });
  }
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
}

test("pictures", async ({ startServer, page }) => {
  const server = await startServer();
  await page.setViewportSize(SCREEN);
  // As on a server that has had the time to fetch their packages.
  await page.route("**/api/templates", async (route) => {
    const templates = await server.templates();
    await route.fulfill({ json: templates.map((t) => ({ ...t, setup: { state: "ready" } })) });
  });
  const tea = await server.create("html", "tea");
  for (const [template, name] of [
    ["python-console", "scraper"],
    ["blank", "notes"],
  ] as const) {
    await server.create(template, name);
  }
  await signIn(page, server.reach);
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  const edit = await EditPage.open(page, `${server.origin}/r/${tea.id}`);
  await edit.terminal.prompt();
  for (const [path, text] of [
    ["index.html", PAGE],
    ["script.js", SCRIPT],
    ["style.css", STYLE],
  ] as const) {
    await server.write(tea.id, `${path}?overwrite=true`, text);
  }
  await edit.tree.open("script.js");
  await expect(edit.editor.content("script.js")).toContainText("One more guest");
  await edit.run();
  const app = page.frameLocator("iframe[title^='Preview of port']");
  // Before its script has run, a press does nothing.
  await expect.poll(() => app.locator("body").evaluate(() => document.readyState)).toBe("complete");
  await app.getByRole("button", { name: "One more cup" }).click();
  await expect(app.locator("output")).toHaveText("2");
  await edit.saved();
  await take(page, "edit");
  await edit.editor.goToEnd("script.js");
  const palette = new Palette(page);
  await palette.open("Control+Shift+P", "Commands");
  await palette.type("split");
  await take(page, "palette");
  await page.keyboard.press("Escape");

  await page.setViewportSize(PHONE);
  for (const [pane, name] of [
    ["Code", "phone-code"],
    ["Shell", "phone-shell"],
    ["Preview", "phone-preview"],
  ] as const) {
    await page.getByRole("navigation", { name: "Panes" }).getByRole("button", { name: pane }).click();
    if (pane === "Preview") await expect(app.locator("output")).toBeVisible();
    await take(page, name);
  }

  await page.setViewportSize(SCREEN);
  await page.goto(`${server.origin}/`);
  await expect(page.getByRole("listitem", { name: "tea", exact: true })).toContainText("Running");
  await take(page, "dashboard");
  await server.sleep(tea.id);
});
