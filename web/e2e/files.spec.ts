import { expect, signIn, test } from "./fixtures";
import { EditPage } from "./pages/edit";

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
  await expect.poll(() => tree.item("done.txt").getAttribute("aria-level")).toBe("1");
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
  await edit.terminal.run("mkdir box && for n in 1 2 3 4; do echo $n > f$n; done");
  await tree.item("f1").click();
  await tree.item("f3").click({ modifiers: ["Shift"] });
  await expect(tree.tree.getByRole("treeitem", { selected: true })).toHaveCount(3);
  await tree.item("f2").click({ modifiers: ["Control"] });
  await expect(tree.tree.getByRole("treeitem", { selected: true })).toHaveCount(2);
  await tree.item("f3").dragTo(tree.item("box"));
  await expect(tree.item("f3")).toHaveCount(0);
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
  await page.getByRole("region", { name: "Messages" }).getByRole("button", { name: "Undo" }).click();
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
  await page.keyboard.press("Control+p");
  await page.keyboard.type("deep.txt");
  await page.keyboard.press("Enter");
  await expect(edit.editor.tab("deep.txt")).toBeVisible();
  await page.keyboard.press("Control+Shift+p");
  await page.keyboard.type("Show the open file in the list");
  await page.keyboard.press("Enter");
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
  await edit.terminal.run("mv made/by/program.txt made/by/moved.txt && rm README.md");
  await expect(edit.tree.item("moved.txt")).toBeVisible();
  await expect(edit.tree.item("program.txt")).toHaveCount(0);
  await expect(edit.bar("File gone")).toBeVisible();
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

  expect(of(sent, "tree_list").map((f) => JSON.parse(f))).toEqual([
    expect.objectContaining({ type: "tree_list", path: "" }),
  ]);
  expect(of(received, "tree_listed")).toHaveLength(1);
  expect(of(received, "document_opened").map((f) => JSON.parse(f))).toEqual([
    expect.objectContaining({ type: "document_opened", path: "README.md" }),
  ]);
  expect(received.join("\n")).not.toContain("inner-");
  expect(received.join("").length + binary, "bytes of opening it").toBeLessThan(100_000);

  sent.length = 0;
  received.length = 0;
  await again.tree.open("folder-007");
  await expect(again.tree.item("inner-007-00.txt")).toBeVisible();
  expect(of(sent, "tree_list").map((f) => JSON.parse(f))).toEqual([
    expect.objectContaining({ type: "tree_list", path: "folder-007" }),
  ]);
  expect(of(received, "tree_listed")).toHaveLength(1);
  const names = new Set(received.join("\n").match(/inner-\d+/g));
  expect([...names]).toEqual(["inner-007"]);
  expect(of(sent, "document_open")).toHaveLength(0);
});
