import { expect, signIn, test } from "./fixtures";
import { EditPage } from "./pages/edit";

/** No letter of one is the other's, or the program's: what one has lost, theirs can't stand in for. */
const LETTERS = { a: "ABCDEFGHIJKLM".repeat(8), b: "NOPQRSTUVWXYZ".repeat(8) };

/** Every character of `part` is in `whole`, in order: nothing of what was typed is lost. */
function contains(whole: string, part: string): boolean {
  let at = 0;
  for (const c of part) {
    at = whole.indexOf(c, at) + 1;
    if (at === 0) return false;
  }
  return true;
}

test("two people type into one file while a program rewrites it: all three texts are there", async ({
  repl,
  edit: open,
  person,
  server,
}) => {
  const made = await repl("blank");
  const a = await open(made);
  const lines = Array.from({ length: 12 }, (_, i) => `line ${i + 1}`).join("\\n");
  await a.terminal.run(`printf '${lines}\\n' > shared.txt`);
  const page = await person();
  await signIn(page, server.reach);
  const b = await EditPage.open(page, `${server.origin}/r/${made.id}`);
  for (const screen of [a, b]) {
    await screen.tree.open("shared.txt");
    await expect(screen.editor.content("shared.txt")).toContainText("line 12");
  }

  // The program rewrites line 6, over and over; it reads the file, and writes it anew.
  const program = [
    "import pathlib, time",
    "p = pathlib.Path('shared.txt')",
    "def rewrite(i):",
    "    lines = p.read_text().split(chr(10))",
    "    at = next(n for n, l in enumerate(lines) if l.startswith('line 6'))",
    "    lines[at] = f'line 6 by the program {i}'",
    "    p.write_text(chr(10).join(lines))",
    "for i in range(1, 21):",
    "    rewrite(i)",
    "    time.sleep(0.2)",
    // What it writes in the very microseconds in which the file is replaced is lost, as between any two programs.
    "time.sleep(1)",
    "while 'by the program 20' not in p.read_text():",
    "    rewrite(20)",
    "    time.sleep(1)",
    "print('prog' + 'ram done')",
  ].join("\n");
  await a.terminal.write("program.py", program);
  await a.terminal.prompt();
  await a.terminal.type("python3 program.py\n");
  await a.editor.goToEndOf("shared.txt", /^line 2$/);
  await b.editor.goToEndOf("shared.txt", /^line 10$/);
  await Promise.all([
    a.page.keyboard.type(LETTERS.a, { delay: 20 }),
    b.page.keyboard.type(LETTERS.b, { delay: 20 }),
  ]);
  await a.terminal.shows("program done");

  await expect
    .poll(async () => (await a.editor.text("shared.txt")) === (await b.editor.text("shared.txt")))
    .toBe(true);
  for (const screen of [a, b]) await screen.saved();
  const onDisk = await a.terminal.output("cat shared.txt");
  await expect.poll(() => a.editor.text("shared.txt")).toBe(onDisk);
  await expect.poll(() => b.editor.text("shared.txt")).toBe(onDisk);
  const clash = (await a.bar("Clash").isVisible()) || (await b.bar("Clash").isVisible());
  if (clash) {
    expect(contains(onDisk, LETTERS.a) && contains(onDisk, LETTERS.b), onDisk).toBe(true);
    expect(onDisk).toContain("by the program");
  } else {
    const expected = Array.from({ length: 12 }, (_, i) => `line ${i + 1}`);
    expected[1] += LETTERS.a;
    expected[5] += " by the program 20";
    expected[9] += LETTERS.b;
    expect(onDisk).toBe(`${expected.join("\n")}\n`);
  }
});

test("two people type at the same place: both end with one text that holds every letter", async ({
  repl,
  edit: open,
  person,
  server,
}) => {
  const made = await repl("blank");
  const a = await open(made);
  const page = await person();
  await signIn(page, server.reach);
  const b = await EditPage.open(page, `${server.origin}/r/${made.id}`);
  for (const screen of [a, b]) await screen.editor.replace("README.md", "");
  await Promise.all([
    a.page.keyboard.type("a".repeat(150), { delay: 5 }),
    b.page.keyboard.type("b".repeat(150), { delay: 5 }),
  ]);
  const sorted = (text: string) => [...text].sort().join("");
  await expect
    .poll(async () => sorted(await a.editor.text("README.md")))
    .toBe("a".repeat(150) + "b".repeat(150));
  const text = await a.editor.text("README.md");
  await expect.poll(() => b.editor.text("README.md")).toBe(text);
  for (const screen of [a, b]) await screen.saved();
  expect(await a.terminal.run("cat README.md")).toBe(text);
});

test("each sees where the other is, by name; and no more when they have left", async ({
  repl,
  edit: open,
  person,
  server,
}) => {
  const made = await repl("blank");
  const a = await open(made);
  await a.editor.replace("README.md", "first line\nsecond line\nthird line\n");
  const page = await person();
  await signIn(page, server.reach);
  const b = await EditPage.open(page, `${server.origin}/r/${made.id}`);
  const content = b.editor.content("README.md");
  await expect(content).toContainText("third line");

  const caret = a.editor.content("README.md").locator(".cm-other-caret");
  const name = caret.locator(".cm-other-name");
  // Whoever comes has the keys in what is opened at first.
  await expect(content).toBeFocused();
  await expect(caret).toHaveCount(1);
  // It is there for two seconds, which a look from here may miss.
  const nameIsShown = () =>
    a.page.evaluate(
      () =>
        new Promise<void>((seen) => {
          const look = () => {
            const name = document.querySelector(".cm-other-name");
            if (name && getComputedStyle(name).opacity === "1") seen();
            else requestAnimationFrame(look);
          };
          look();
        }),
    );
  let shown = nameIsShown();
  await b.editor.goToEndOf("README.md", "second line");
  await expect(caret).toHaveCount(1);
  await expect(a.editor.line("README.md", "second line").locator(".cm-other-caret")).toHaveCount(1);
  const { name: me } = (await (await server.request("GET", "/api/me")).json()) as { name: string };
  await expect(name).toHaveText(me);
  // Shown when they move, gone after a while, and there again for a pointer.
  await shown;
  await expect(name).toHaveCSS("opacity", "0");
  // It is thin, and may be drawn anew in another place while the pointer is on its way. (`hover` goes to the
  // middle of all that an inline element's parts cover, which is not on it.)
  await expect(async () => {
    const box = await caret.boundingBox();
    if (!box) throw new Error("there is no caret");
    await a.page.mouse.move(0, 0);
    await a.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await expect(name).toHaveCSS("opacity", "1", { timeout: 2_000 });
  }).toPass();
  await a.page.mouse.move(0, 0);
  await expect(name).toHaveCSS("opacity", "0");
  shown = nameIsShown();
  await page.keyboard.press("ArrowLeft");
  await shown;

  await page.keyboard.press("Shift+Home");
  const selected = a.editor.content("README.md").locator(".cm-other-selection");
  await expect(selected).toHaveText("second lin");
  for (const dark of ["light", "dark"] as const) {
    await a.page.emulateMedia({ colorScheme: dark });
    await expect(selected).not.toHaveCSS("background-color", "rgba(0, 0, 0, 0)");
  }
  // Text that comes before does not carry them away.
  await a.editor.goToStart("README.md");
  await a.page.keyboard.type("new ");
  await expect(selected).toHaveText("second lin");

  // A file that is shown twice: where another one takes one of its places, they are still in the other.
  await a.terminal.run("echo other > other.txt");
  const texts = page.getByLabel("Text of README.md", { exact: true });
  await b.editor.goToEndOf("README.md", "third line");
  await page.keyboard.press("Control+Alt+\\");
  await expect(texts).toHaveCount(2);
  await expect(texts.nth(1)).toBeFocused();
  await page.keyboard.press("Control+Home");
  const on = (line: string) => a.editor.line("README.md", line).locator(".cm-other-caret");
  await expect(on("first line")).toHaveCount(1);
  await b.tree.open("other.txt");
  await expect(texts).toHaveCount(1);
  await expect(on("third line")).toHaveCount(1);
  await b.editor.tabs.getByRole("button", { name: "Close other.txt" }).click();
  await b.editor.tabs.getByRole("button", { name: "Close README.md" }).last().click();

  // In another file they are not in this one; a page that is closed is nowhere.
  await b.tree.open("other.txt");
  await expect(caret).toHaveCount(0);
  await b.tree.open("README.md");
  await b.editor.goToEndOf("README.md", "third line");
  await expect(caret).toHaveCount(1);
  await page.close();
  await expect(caret).toHaveCount(0);
});
