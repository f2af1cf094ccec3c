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
  // On a small screen it is in the text's place.
  const size = page.viewportSize() ?? { width: 1280, height: 800 };
  await page.setViewportSize({ width: 390, height: 844 });
  await expect(edit.editor.content("page.md")).toBeHidden();
  await expect(preview).toBeVisible();
  await page.setViewportSize(size);
  await expect(edit.editor.content("page.md")).toBeVisible();

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

test("a picture that is written anew at the same size is shown anew", async ({ repl, edit: open }) => {
  const edit = await open(await repl("blank"));
  const { region } = edit.editor;
  const picture = (width: number) =>
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="30"></svg>\n`;
  await edit.terminal.write("dot.svg", picture(40));
  await edit.tree.open("dot.svg");
  await region.getByRole("button", { name: "Picture" }).click();
  await expect(region.getByText("40 × 30")).toBeVisible();
  await edit.terminal.write("dot.svg", picture(70));
  await expect(region.getByText("70 × 30")).toBeVisible();
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

/** A PDF with so many pages, each with a line of text and enough bytes that it is fetched in parts. */
function pdfOf(pages: number): string {
  const numbers = Array.from({ length: pages }, (_, n) => n);
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    `<< /Type /Pages /Count ${pages} /Kids [${numbers.map((n) => `${4 + n} 0 R`).join(" ")}] >>`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ...numbers.map(
      (n) =>
        `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents ${4 + pages + n} 0 R /Resources << /Font << /F1 3 0 R >> >> >>`,
    ),
    ...numbers.map((n) => {
      const stream = `BT /F1 24 Tf 72 700 Td (This is page ${n + 1}) Tj ET\n% ${"noise ".repeat(10_000)}\n`;
      return `<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`;
    }),
  ];
  let out = "%PDF-1.4\n";
  const places = objects.map((object, n) => {
    const place = out.length;
    out += `${n + 1} 0 obj\n${object}\nendobj\n`;
    return place;
  });
  const start = out.length;
  const entries = places.map((place) => `${String(place).padStart(10, "0")} 00000 n \n`).join("");
  out += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${entries}`;
  return `${out}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${start}\n%%EOF\n`;
}

test("a PDF's pages are shown, found by number, enlarged, and their words selected; only parts are fetched", async ({
  repl,
  edit: open,
  page,
  server,
}) => {
  const made = await repl("blank");
  const edit = await open(made);
  const { region } = edit.editor;
  for (const [name, body] of [
    ["book.pdf", pdfOf(80)],
    ["broken.pdf", "not a PDF at all"],
  ] as const) {
    const address = `http://127.0.0.1:${server.port}/api/repls/${made.id}/files/${name}`;
    const headers = { authorization: `Bearer ${server.token}` };
    expect((await fetch(address, { method: "PUT", headers, body })).status).toBe(201);
  }
  let fetched = 0;
  page.on("response", async (answer) => {
    if (!answer.url().includes("book.pdf") || answer.status() !== 206) return;
    fetched += Number(answer.headers()["content-length"] ?? 0);
  });
  await edit.tree.open("book.pdf");
  const pages = region.getByRole("region", { name: "Pages of book.pdf" });
  await expect(pages.getByText("This is page 1", { exact: true })).toBeVisible();
  const number = region.getByRole("textbox", { name: "Page, of 80" });
  await expect(number).toHaveValue("1");

  await number.fill("57");
  await page.keyboard.press("Enter");
  await expect(pages.getByText("This is page 57", { exact: true })).toBeVisible();
  await expect(number).toHaveValue("57");
  await expect.poll(() => pages.locator("canvas").count()).toBeLessThan(6);
  await expect(pages.getByText("This is page 1", { exact: true })).toHaveCount(0);
  await expect.poll(() => fetched).toBeGreaterThan(0);
  expect(fetched).toBeLessThan(3_500_000);

  // It is drawn: not all of the page is one colour.
  const drawn = () =>
    pages
      .getByRole("article", { name: "Page 57" })
      .locator("canvas")
      .evaluate((canvas: HTMLCanvasElement) => {
        const pixels = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
        return new Set(new Uint32Array(new Uint8ClampedArray(pixels).buffer)).size;
      });
  await expect.poll(drawn).toBeGreaterThan(3);
  await region.getByRole("button", { name: "Larger" }).click();
  await expect(region.getByRole("button", { name: "Fit width" })).toHaveAttribute("aria-pressed", "false");
  const words = pages.getByText("This is page 57", { exact: true });
  await expect(words).toBeVisible();
  // While it is drawn in its new size its words are laid anew.
  await expect(async () => {
    await words.click({ clickCount: 3 });
    expect(await page.evaluate(() => String(window.getSelection()))).toContain("This is page 57");
  }).toPass({ timeout: 60_000 });
  await region.getByRole("button", { name: "Fit width" }).click();
  await expect(pages.getByText("This is page 57", { exact: true })).toBeVisible();

  await edit.tree.open("broken.pdf");
  await expect(region.getByText("broken.pdf can’t be shown")).toBeVisible();
  await expect(region.getByRole("link", { name: "Download" })).toBeVisible();
});

test("sound and video are played", async ({ repl, edit: open, page }) => {
  const made = await repl("blank");
  const edit = await open(made);
  const { region } = edit.editor;
  // The browser itself makes a short film.
  const written = await page.evaluate(async (address) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 48;
    const pen = canvas.getContext("2d");
    const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: "video/webm;codecs=vp8" });
    const draw = setInterval(() => pen?.fillRect(0, 0, Math.random() * 48, 48), 20);
    const pieces: Blob[] = [];
    const data = new Promise<Blob>((done) => {
      recorder.ondataavailable = (event) => {
        // One in which nothing was drawn is empty.
        if (event.data.size > 0) pieces.push(event.data);
        if (pieces.length >= 4 && recorder.state === "recording") recorder.stop();
      };
      recorder.onstop = () => done(new Blob(pieces, { type: "video/webm" }));
    });
    recorder.start(100);
    await data;
    clearInterval(draw);
    return (await fetch(address, { method: "PUT", body: await data })).status;
  }, `/api/repls/${made.id}/files/film.webm`);
  expect(written).toBe(201);
  await edit.terminal.write(
    "make.py",
    [
      "import wave",
      "with wave.open('tone.wav', 'wb') as tone:",
      "    tone.setparams((1, 1, 8000, 0, 'NONE', ''))",
      "    tone.writeframes(bytes([100, 150] * 4000))",
      "open('broken.mp4', 'wb').write(b'no film')",
    ].join("\n"),
  );
  await edit.terminal.run("python3 make.py");
  await edit.tree.open("tone.wav");
  await expect(region.getByLabel("tone.wav", { exact: true })).toHaveJSProperty("duration", 1);
  await edit.tree.open("film.webm");
  await expect(region.getByLabel("film.webm", { exact: true })).toHaveJSProperty("videoWidth", 48);
  await edit.tree.open("broken.mp4");
  await expect(region.getByText("broken.mp4 can’t be shown")).toBeVisible();
});
