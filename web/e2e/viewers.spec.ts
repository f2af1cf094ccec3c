import { expect, test } from "./fixtures";

const SVG = (inner: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><rect width="40" height="30" fill="red"/>${inner}</svg>`;

test("a picture, a table, a page and bytes are shown as what they are", async ({
  repl,
  edit: open,
  page,
}) => {
  const edit = await open(await repl("blank"));
  const { region } = edit.editor;
  await edit.terminal.write(
    "make.py",
    [
      "import base64",
      "png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=='",
      "open('dot.png', 'wb').write(base64.b64decode(png))",
      "open('people.csv', 'w').write('name,age\\n\"Zoë, M\",7\\n')",
      "open('page.md', 'w').write('# Title\\n\\n![dot](dot.png)\\n\\n<b id=\"own\">x</b>\\n')",
      "open('data.bin', 'wb').write(bytes(range(256)) * 40)",
      "open('long.txt', 'w').write('a line of text\\n' * 400000)",
    ].join("\n"),
  );
  await edit.terminal.run("python3 make.py");

  await edit.tree.open("dot.png");
  await expect(region.getByText("1 × 1")).toBeVisible();
  await expect(region.getByRole("img", { name: "dot.png" })).toBeVisible();

  await edit.tree.open("people.csv");
  await region.getByRole("button", { name: "Table" }).click();
  await expect(region.getByRole("columnheader", { name: "age" })).toBeVisible();
  await expect(region.getByRole("cell", { name: "Zoë, M" })).toBeVisible();
  await region.getByRole("button", { name: "Text" }).click();
  await expect(edit.editor.content("people.csv")).toBeVisible();

  await edit.tree.open("page.md");
  await region.getByRole("button", { name: "Preview" }).click();
  const preview = region.getByRole("region", { name: "Preview of page.md" });
  await expect(preview.getByRole("heading", { name: "Title" })).toBeVisible();
  await expect(preview.getByRole("img", { name: "dot" })).toHaveJSProperty("naturalWidth", 1);
  await expect(preview.locator("#own")).toHaveCount(0);
  await edit.editor.goToEnd("page.md");
  await page.keyboard.type("More to read");
  await expect(preview.getByText("More to read")).toBeVisible();

  await edit.tree.open("data.bin");
  await expect(region.getByText("data.bin is not a text")).toBeVisible();
  await expect(region.getByText("00000040  40 41 42", { exact: false })).toBeVisible();
  const download = page.waitForEvent("download");
  await region.getByRole("link", { name: "Download" }).click();
  expect((await download).suggestedFilename()).toBe("data.bin");

  await edit.tree.open("long.txt");
  await expect(region.getByText("long.txt is too large to edit here")).toBeVisible();
  await expect(region.getByRole("region", { name: "Beginning of long.txt" })).toContainText("a line of text");
});

test("hostile files run nothing in the editor's origin", async ({ repl, edit: open, page, server }) => {
  const made = await repl("blank");
  const edit = await open(made);
  const put = async (path: string, body: string) => {
    const address = `http://127.0.0.1:${server.port}/api/repls/${made.id}/files/${path}`;
    const answer = await fetch(address, {
      method: "PUT",
      headers: { authorization: `Bearer ${server.token}` },
      body,
    });
    expect(answer.status).toBe(201);
  };
  const attack = "document.title='owned';fetch('/api/me').then(r=>r.json()).then(j=>document.title=j.id)";
  await put("bad.svg", SVG(`<script>${attack}</script>`));
  await put("bad.html", `<script>${attack}</script>`);
  await put(
    "bad.md",
    `<script>${attack}</script>\n\n<img src=x onerror="${attack}">\n\n[x](javascript:alert(1))\n`,
  );
  const title = await page.title();

  await edit.tree.open("bad.svg");
  const { region } = edit.editor;
  await region.getByRole("button", { name: "Picture" }).click();
  await expect(region.getByText("40 × 30")).toBeVisible();
  await edit.tree.open("bad.md");
  await region.getByRole("button", { name: "Preview" }).click();
  await expect(region.getByRole("region", { name: "Preview of bad.md" })).toContainText("<script>");
  expect(await page.title()).toBe(title);

  // Opened by itself: an SVG has no origin and no script, HTML is only downloaded.
  const other = await page.context().newPage();
  await other.goto(`${server.origin}/api/repls/${made.id}/files/bad.svg`);
  await expect(other.locator("rect")).toBeVisible();
  expect(await other.evaluate(() => self.origin)).toBe("null");
  expect(await other.title()).not.toMatch(/owned|local/);
  const download = other.waitForEvent("download");
  await other.goto(`${server.origin}/api/repls/${made.id}/files/bad.html`).catch(() => {});
  expect((await download).suggestedFilename()).toBe("bad.html");
  // A frame of the editor's origin shows nothing of it either.
  await page.evaluate((address) => {
    const frame = document.createElement("iframe");
    frame.src = address;
    document.body.append(frame);
  }, `/api/repls/${made.id}/files/bad.svg`);
  await expect(page.frameLocator("iframe").locator("rect")).toHaveCount(0);
  await other.close();
});
