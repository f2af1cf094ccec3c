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
    "for i in range(1, 21):",
    "    lines = p.read_text().split(chr(10))",
    "    at = next(n for n, l in enumerate(lines) if l.startswith('line 6'))",
    "    lines[at] = f'line 6 by the program {i}'",
    "    p.write_text(chr(10).join(lines))",
    "    time.sleep(0.2)",
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
  await a.saved();
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
  await a.saved();
  expect(await a.terminal.run("cat README.md")).toBe(text);
});
