import { expect, signIn, test } from "./fixtures";
import { EditPage } from "./pages/edit";

test("python_online: FastAPI answers in the preview, and serves what was edited", async ({
  repl,
  edit: open,
  prepared,
}) => {
  await prepared("python");
  const edit = await open(await repl("python"));
  await edit.run();
  const app = edit.preview.frame(8000);
  await expect(app.getByText(/Hello from/)).toBeVisible({ timeout: 180_000 });
  await edit.editor.replace(
    "main.py",
    'from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get("/")\ndef home():\n    return {"edited": True}\n',
  );
  await edit.saved();
  // The program starts anew by itself: until then the old page, or none.
  await expect(async () => {
    await edit.preview.reload.click();
    await expect(app.getByText('{"edited":true}')).toBeVisible({ timeout: 20_000 });
  }).toPass({ timeout: 180_000 });
});

test("rust_online: the program is built, and answers in the preview", async ({
  repl,
  edit: open,
  prepared,
}) => {
  await prepared("rust");
  const edit = await open(await repl("rust"));
  await edit.run();
  await expect(edit.preview.frame(3000).getByText(/Hello from/)).toBeVisible({ timeout: 240_000 });
});

test("go: the program is built without a network, and answers in the preview", async ({
  repl,
  edit: open,
  prepared,
}) => {
  await prepared("go");
  const edit = await open(await repl("go"));
  await edit.run();
  const app = edit.preview.frame(8080);
  await expect(app.getByRole("heading", { name: "Hello, you, from Go" })).toBeVisible({ timeout: 180_000 });
  await app.getByRole("link", { name: "Say hello to Ada" }).click();
  await expect(app.getByRole("heading", { name: "Hello, Ada, from Go" })).toBeVisible();
});

test("java: the program is run from its source, and answers in the preview", async ({ repl, edit: open }) => {
  const edit = await open(await repl("java"));
  await edit.run();
  const heading = edit.preview.frame(8080).getByRole("heading");
  await expect(heading).toHaveText("Hello from Java", { timeout: 180_000 });
  await edit.stop();
  await edit.editor.goToEndOf("Main.java", "Hello from Java");
  for (let i = 0; i < "</h1>".length; i++) await edit.page.keyboard.press("ArrowLeft");
  await edit.page.keyboard.type(" in Alcove");
  await edit.saved();
  await edit.run();
  await expect(heading).toHaveText("Hello from Java in Alcove", { timeout: 180_000 });
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
  await expect(shown(edit)).toHaveText("This is the first", { timeout: 180_000 });
  await expect(shown(otherEdit)).toHaveText("This is the second", { timeout: 180_000 });
  for (const screen of [edit, otherEdit]) await screen.preview.reload.click();
  await expect(shown(otherEdit)).toHaveText("This is the second");
  await expect(shown(edit)).toHaveText("This is the first");
});
