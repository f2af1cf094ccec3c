/** Web frameworks, each from its template: Run, what it shows, and an edit that shows by itself. */
import { expect, test } from "./fixtures";
import type { EditPage } from "./pages/edit";

/** Types at the end of the heading that the file has. */
async function editHeading(edit: EditPage, file: string, heading: string): Promise<void> {
  await edit.editor.goToEndOf(file, heading);
  for (let i = 0; i < "</h1>".length; i++) await edit.page.keyboard.press("ArrowLeft");
  await edit.page.keyboard.type(" in Alcove");
}

const changedInPlace = [
  { name: "next_online", template: "next", title: "Next.js", file: "page.tsx", port: 3000 },
  { name: "vue_template_online", template: "vue", title: "Vue", file: "App.vue", port: 5173 },
  { name: "svelte_online", template: "svelte", title: "Svelte", file: "App.svelte", port: 5173 },
];
for (const { name, template, title, file, port } of changedInPlace) {
  test(`${name}: a change in the editor is in the preview at once, without loading it anew`, async ({
    repl,
    edit: open,
    prepared,
  }) => {
    await prepared(template);
    const edit = await open(await repl(template));
    await edit.run();
    const app = edit.preview.frame(port);
    const heading = app.getByRole("heading", { level: 1 });
    await expect(heading).toHaveText(`Hello from ${title}`, { timeout: 240_000 });
    // Until the page is alive, a press does nothing.
    await expect(async () => {
      await app.getByRole("button", { name: "Pressed" }).click();
      await expect(app.getByText(/Pressed [1-9]/)).toBeVisible({ timeout: 1_000 });
    }).toPass({ timeout: 180_000 });
    await heading.evaluate(() => Object.assign(window, { marker: "still here" }));

    await editHeading(edit, file, `Hello from ${title}`);
    await expect(heading).toHaveText(`Hello from ${title} in Alcove`);
    expect(await heading.evaluate(() => "marker" in window && window.marker)).toBe("still here");
  });
}

test("express_online: what the page writes is in the database, also after the repl has slept", async ({
  repl,
  edit: open,
  prepared,
  server,
  page,
}) => {
  await prepared("express");
  const made = await repl("express");
  const edit = await open(made);
  await edit.run();
  const app = edit.preview.frame(3000);
  await app.getByLabel("A new note").fill("Buy milk", { timeout: 180_000 });
  await app.getByRole("button", { name: "Add" }).click();
  await expect(app.getByRole("listitem")).toHaveText(/Buy milk/);
  await edit.saved();

  await page.goto("about:blank");
  await server.sleep(made.id);
  const again = await open(made);
  await again.run();
  await expect(again.preview.frame(3000).getByRole("listitem")).toHaveText(/Buy milk/, { timeout: 180_000 });
});

test("flask_online: a form is answered, and an edit is served", async ({ repl, edit: open, prepared }) => {
  await prepared("flask");
  const edit = await open(await repl("flask"));
  await edit.run();
  const app = edit.preview.frame(5000);
  await app.getByLabel("Your name").fill("Ada", { timeout: 180_000 });
  await app.getByRole("button", { name: "Say hello" }).click();
  await expect(app.getByRole("heading", { name: "Hello, Ada, from Flask" })).toBeVisible();
  await edit.editor.replace(
    "app.py",
    'from flask import Flask\n\napp = Flask(__name__)\n\n\n@app.get("/")\ndef home():\n    return "<h1>Edited</h1>"\n',
  );
  await edit.saved();
  // The program starts anew by itself: until then the old page, or none.
  await expect(async () => {
    await edit.preview.reload.click();
    await expect(app.getByRole("heading", { name: "Edited" })).toBeVisible({ timeout: 20_000 });
  }).toPass({ timeout: 180_000 });
});

test("django_online: a form writes to the database, and an edit is served", async ({
  repl,
  edit: open,
  prepared,
}) => {
  await prepared("django");
  const edit = await open(await repl("django"));
  await edit.run();
  const app = edit.preview.frame(8000);
  await app.getByLabel("Text").fill("Buy milk", { timeout: 180_000 });
  await app.getByRole("button", { name: "Add a note" }).click();
  await expect(app.getByRole("listitem")).toHaveText("Buy milk");
  await edit.editor.tab("index.html").click();
  await editHeading(edit, "index.html", "Hello from Django");
  await edit.saved();
  // Django looks once a second whether a template has changed: until then it serves the old one.
  await expect(async () => {
    await edit.preview.reload.click();
    await expect(app.getByRole("heading", { name: "Hello from Django in Alcove" })).toBeVisible({
      timeout: 20_000,
    });
  }).toPass({ timeout: 180_000 });
  await expect(app.getByRole("listitem")).toHaveText("Buy milk");
});
