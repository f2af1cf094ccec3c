import { expect, signIn, test } from "./fixtures";
import { EditPage } from "./pages/edit";

test("python_online: FastAPI answers in the preview, and serves what was edited", async ({
  repl,
  edit: open,
  preparedServer: _,
}) => {
  const edit = await open(await repl("python"));
  await edit.run();
  const app = edit.preview.frame(8000);
  await expect(app.getByText(/Hello from/)).toBeVisible({ timeout: 60_000 });
  await edit.editor.replace(
    "main.py",
    'from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get("/")\ndef home():\n    return {"edited": True}\n',
  );
  await edit.saved();
  // The program starts anew by itself: until then the old page, or none.
  await expect(async () => {
    await edit.preview.reload.click();
    await expect(app.getByText('{"edited":true}')).toBeVisible({ timeout: 2_000 });
  }).toPass({ timeout: 30_000 });
});

test("python-console: Run focuses the terminal, and no preview opens", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("python-console"));
  await edit.terminal.prompt();
  await edit.run();
  await expect(edit.terminal.tab("Run")).toHaveAttribute("aria-selected", "true");
  await edit.terminal.shows(/What is your name\?$/);
  await expect(edit.terminal.region.locator("textarea")).toBeFocused();
  // Without a click: the keys must go there by themselves.
  await page.keyboard.type("Ada\n");
  await edit.terminal.shows("Hello, Ada!");
  await expect(edit.bar("Program ended")).toContainText("The program ended.");
  await expect(edit.preview.region).toHaveCount(0);

  await page.getByRole("button", { name: "Run again" }).click();
  await edit.terminal.shows(/What is your name\?$/);
  await page.keyboard.type("Grace\n");
  await edit.terminal.shows("Hello, Grace!");
});

test("rust_online: the program is built, and answers in the preview", async ({
  repl,
  edit: open,
  preparedServer: _,
}) => {
  const edit = await open(await repl("rust"));
  await edit.run();
  await expect(edit.preview.frame(3000).getByText(/Hello from/)).toBeVisible({ timeout: 90_000 });
});

test("html: a page is served as it is, and shows an edit after a reload", async ({
  repl,
  edit: open,
  page,
}) => {
  const edit = await open(await repl("html"));
  await edit.run();
  const app = edit.preview.frame(8000);
  await expect(app.getByRole("heading").first()).toBeVisible();
  await edit.editor.replace("index.html", "<!doctype html><title>t</title><h1>Written by hand</h1>");
  await edit.saved();
  await edit.preview.reload.click();
  await expect(app.getByRole("heading", { name: "Written by hand" })).toBeVisible();
  await expect(page.getByRole("tab", { name: "style.css" })).toBeVisible();
});

test("two repls listen on one port at once, and each preview shows its own", async ({
  repl,
  edit: open,
  person,
  server,
}) => {
  const [first, second] = [await repl("node", "first of two"), await repl("node", "second of two")];
  const edit = await open(first);
  const other = await person();
  await signIn(other, server.reach);
  const otherEdit = await EditPage.open(other, `${server.origin}/r/${second.id}`);
  for (const [screen, words] of [
    [edit, "This is the first"],
    [otherEdit, "This is the second"],
  ] as const) {
    await screen.editor.replace(
      "index.js",
      [
        'import { createServer } from "node:http";',
        "createServer((_, response) => {",
        '  response.setHeader("content-type", "text/html");',
        `  response.end("<h1>${words}</h1>");`,
        "}).listen(3000);",
      ].join("\n"),
    );
    await screen.saved();
    await screen.run();
  }
  const shown = (screen: typeof edit) => screen.preview.frame(3000).getByRole("heading");
  await expect(shown(edit)).toHaveText("This is the first", { timeout: 30_000 });
  await expect(shown(otherEdit)).toHaveText("This is the second", { timeout: 30_000 });
  for (const screen of [edit, otherEdit]) await screen.preview.reload.click();
  await expect(shown(otherEdit)).toHaveText("This is the second");
  await expect(shown(edit)).toHaveText("This is the first");
});
