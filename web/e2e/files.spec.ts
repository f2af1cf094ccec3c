import { expect, signIn, test } from "./fixtures";
import { EditPage } from "./pages/edit";
import { Messages } from "./pages/messages";
import { Palette } from "./pages/palette";

test("files are made, renamed, moved and deleted in the list", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("blank"));
  const { tree } = edit;
  await tree.create("folder", "notes");
  await expect(tree.item("notes")).toBeVisible();
  // The new folder has the focus, or it is chosen: what is made next must be beside or in it as shown.
  await tree.item("main.sh").click();
  await tree.create("file", "todo.txt");
  await expect(edit.editor.tab("todo.txt")).toHaveAttribute("aria-selected", "true");
  await edit.editor.content("todo.txt").click();
  await page.keyboard.type("Write tests");
  await edit.saved();
  await tree.rename("todo.txt", "done.txt");
  await expect(tree.item("done.txt")).toBeVisible();
  await expect(edit.editor.tab("done.txt")).toBeVisible();
  await expect(tree.item("todo.txt")).toHaveCount(0);
  await tree.item("done.txt").dragTo(tree.item("notes"));
  await expect(tree.item("done.txt")).toHaveCount(0);
  await tree.open("notes");
  await expect(tree.item("done.txt")).toBeVisible();
  expect(await edit.terminal.run("cat notes/done.txt")).toBe("Write tests");
  // The open file has moved along.
  await edit.editor.goToEnd("done.txt");
  await page.keyboard.type("!");
  await edit.saved();
  expect(await edit.terminal.run("cat notes/done.txt")).toBe("Write tests!");

  await tree.item("done.txt").focus();
  await page.keyboard.press("Control+x");
  await tree.item("main.sh").focus();
  await page.keyboard.press("Control+v");
  // Where it comes may be told before where it goes.
  const levels = () => tree.item("done.txt").evaluateAll((rows) => rows.map((row) => row.ariaLevel));
  await expect.poll(levels).toEqual(["1"]);
  await tree.remove("notes");
  await expect(tree.item("notes")).toHaveCount(0);
  expect(await edit.terminal.run("LC_ALL=C ls -m")).toBe("README.md, alcove.toml, done.txt, main.sh");

  await tree.create("file", "main.sh");
  await expect(page.getByRole("alert")).toBeVisible();
});

test("several are chosen, moved, copied and deleted at once, and deleting is undone", async ({
  repl,
  edit: open,
  page,
}) => {
  const edit = await open(await repl("blank"));
  const { tree } = edit;
  const messages = await Messages.held(page);
  await edit.terminal.run("mkdir box && for n in 1 2 3 4; do echo $n > f$n; done");
  for (const name of ["box", "f1", "f2", "f3", "f4"]) await expect(tree.item(name)).toBeVisible();
  await tree.item("f1").click();
  await tree.item("f3").click({ modifiers: ["Shift"] });
  await expect(tree.tree.getByRole("treeitem", { selected: true })).toHaveCount(3);
  await tree.item("f2").click({ modifiers: ["Control"] });
  await expect(tree.tree.getByRole("treeitem", { selected: true })).toHaveCount(2);
  await tree.item("f3").dragTo(tree.item("box"));
  for (const name of ["f1", "f3"]) await expect(tree.item(name)).toHaveCount(0);
  expect(await edit.terminal.run("LC_ALL=C ls -m box")).toBe("f1, f3");

  // By the keyboard: two are chosen and copied into the folder, where their names are free.
  await tree.item("f2").focus();
  await page.keyboard.press("Shift+ArrowDown");
  await page.keyboard.press("Control+c");
  await tree.item("box").focus();
  await page.keyboard.press("Control+v");
  await expect.poll(() => edit.terminal.run("LC_ALL=C ls -m box")).toBe("f1, f2, f3, f4");
  await tree.item("f4").focus();
  await page.keyboard.press("Control+d");
  await expect(tree.item("f4 copy")).toBeVisible();

  await edit.terminal.run("echo typed > box/f1");
  await tree.remove("box");
  await expect(tree.item("box")).toHaveCount(0);
  expect(await edit.terminal.run("ls -d box")).toContain("No such file");
  // A message is on the bottom line alone: the terminal's prompt, and all else, can be seen.
  const line = page.getByRole("contentinfo");
  const top = async (of: typeof line) => (await of.boundingBox())?.y ?? 0;
  await expect(messages.region).toContainText("Deleted box.");
  expect(await top(messages.region)).toBeGreaterThanOrEqual(await top(line));
  await messages.undo.click();
  await expect(tree.item("box")).toBeVisible();
  expect(await edit.terminal.run("cat box/f1; LC_ALL=C ls -m box")).toBe("typed\nf1, f2, f3, f4");
});

test("what Git ignores is dimmed, and the open file is shown in the list", async ({
  repl,
  edit: open,
  page,
}) => {
  const edit = await open(await repl("blank"));
  await edit.terminal.run(
    "mkdir -p a/b && echo x > a/b/deep.txt && echo '*.log' > .gitignore && echo x > n.log",
  );
  await expect(edit.tree.item("n.log")).toHaveAccessibleDescription("ignored by Git");
  await edit.tree.item("n.log").focus();
  const palette = new Palette(page);
  await palette.open("Control+p", "Open file");
  await palette.type("deep.txt");
  await palette.take("a/b/deep.txt");
  await expect(edit.editor.tab("deep.txt")).toBeVisible();
  await palette.command("Show the open file in the list");
  await expect(edit.tree.item("deep.txt")).toBeFocused();
});

test("what programs do to the files is in the list at once", async ({ repl, edit: open }) => {
  const edit = await open(await repl("blank"));
  await edit.terminal.run("mkdir -p made/by && touch made/by/program.txt && ln -s made/by link");
  await edit.tree.open("made");
  await edit.tree.open("by");
  await expect(edit.tree.item("program.txt")).toBeVisible();
  await expect(edit.tree.item("link")).toBeVisible();
  await edit.tree.open("README.md");
  await expect(edit.editor.content("README.md")).toBeVisible();
  await edit.terminal.run("mv made/by/program.txt made/by/moved.txt && rm README.md");
  await expect(edit.tree.item("moved.txt")).toBeVisible();
  await expect(edit.tree.item("program.txt")).toHaveCount(0);
  await expect(edit.bar("File gone")).toBeVisible();
});

test("a folder of 20,000 entries is scrolled to its end; only the rows in sight are drawn", async ({
  repl,
  edit: open,
  page,
}) => {
  const edit = await open(await repl("blank"));
  const { tree, terminal } = edit;
  await terminal.run("mkdir many && cd many && seq -f 'f%05g' 20000 | xargs touch; cd ..");
  await tree.open("many");
  await expect(tree.item("f00001")).toBeVisible();
  const most = await tree.drawnWhile(async () => {
    await tree.tree.hover();
    await expect(async () => {
      await page.mouse.wheel(0, 60_000);
      await expect(tree.item("f20000")).toBeInViewport({ timeout: 1_000 });
    }).toPass();
  });
  expect(most).toBeGreaterThan(10);
  expect(most, "rows that were drawn at once").toBeLessThan(200);
  // It is an entry like any other.
  await tree.open("f20000");
  await expect(edit.editor.tab("f20000")).toHaveAttribute("aria-selected", "true");
});

test("opening a repl of 30,000 files sends the root's names and the opened file only", async ({
  repl,
  edit: open,
  person,
  server,
}) => {
  const made = await repl("blank");
  const edit = await open(made);
  const python = [
    "import os",
    "for a in range(300):",
    "    os.makedirs(f'folder-{a:03}')",
    "    for b in range(100):",
    "        open(f'folder-{a:03}/inner-{a:03}-{b:02}.txt', 'w').write(f'{a} {b}')",
  ].join("\n");
  await edit.terminal.write("fill.py", python);
  expect(await edit.terminal.run("python3 fill.py && find folder-* -type f | wc -l")).toBe("30000");
  await edit.page.goto("about:blank");

  const page = await person();
  await signIn(page, server.reach);
  const sent: string[] = [];
  const received: string[] = [];
  let binary = 0;
  page.on("websocket", (socket) => {
    socket.on("framesent", ({ payload }) => typeof payload === "string" && sent.push(payload));
    socket.on("framereceived", ({ payload }) => {
      if (typeof payload === "string") received.push(payload);
      else binary += payload.length;
    });
  });
  const type = (frame: string) => (JSON.parse(frame) as { type: string }).type;
  const of = (frames: string[], kind: string) => frames.filter((frame) => type(frame) === kind);
  const again = await EditPage.open(page, `${server.origin}/r/${made.id}`);
  await expect(again.tree.item("folder-000")).toBeVisible();
  await expect(again.editor.content("README.md")).toBeVisible();
  await again.terminal.prompt();

  // What is seen of the frames here may be a little behind the page.
  const told = (frames: string[], kind: string) => of(frames, kind).map((f) => JSON.parse(f) as unknown);
  await expect
    .poll(() => told(sent, "tree_list"))
    .toEqual([expect.objectContaining({ type: "tree_list", path: "" })]);
  await expect.poll(() => of(received, "tree_listed").length).toBe(1);
  await expect
    .poll(() => told(received, "document_opened"))
    .toEqual([expect.objectContaining({ type: "document_opened", path: "README.md" })]);
  expect(received.join("\n")).not.toContain("inner-");
  expect(received.join("").length + binary, "bytes of opening it").toBeLessThan(100_000);

  sent.length = 0;
  received.length = 0;
  await again.tree.open("folder-007");
  await expect(again.tree.item("inner-007-00.txt")).toBeVisible();
  await expect
    .poll(() => told(sent, "tree_list"))
    .toEqual([expect.objectContaining({ type: "tree_list", path: "folder-007" })]);
  await expect.poll(() => of(received, "tree_listed").length).toBe(1);
  const names = new Set(received.join("\n").match(/inner-\d+/g));
  expect([...names]).toEqual(["inner-007"]);
  expect(of(sent, "document_open")).toHaveLength(0);
});

test("a path is copied from the menu", async ({ repl, edit: open, page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const edit = await open(await repl("blank"));
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  await edit.tree.choose("README.md", "Copy path");
  await expect.poll(copied).toBe("/workspace/README.md");
  await edit.tree.choose("README.md", "Copy relative path");
  await expect.poll(copied).toBe("README.md");
});
