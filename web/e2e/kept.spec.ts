import { expect, signIn, test } from "./fixtures";
import { EditPage } from "./pages/edit";
import { kept, keptFolder, Way } from "./way";

const times = (text: string, part: string) => text.split(part).length - 1;

test("a repl that was open before shows its files and text at once, and becomes live without a jump", async ({
  repl,
  edit: open,
  page,
  server,
}) => {
  const way = await Way.of(page);
  const made = await repl("blank");
  const edit = await open(made);
  await edit.terminal.run("seq -f 'line %g' 400 > long.txt; mkdir sub; touch sub/inner.txt");
  await edit.tree.open("long.txt");
  await edit.tree.open("sub");
  await expect(edit.tree.item("inner.txt")).toBeVisible();
  await edit.editor.goToStart("long.txt");
  await edit.saved();
  await keptFolder(page, "sub");
  // It sleeps meanwhile: the ids of its documents are gone.
  await page.goto(`${server.origin}/`);
  await server.sleep(made.id);

  way.hold();
  await page.goto(`${server.origin}/r/${made.id}`);
  await expect(edit.editor.line("long.txt", /^line 1$/)).toBeVisible();
  await expect(edit.tree.item("inner.txt")).toBeVisible();
  await expect(edit.bar("Connection")).toContainText("This is how it was last");
  await edit.editor.goToStart("long.txt");
  for (let i = 0; i < 6; i++) await page.keyboard.press("PageDown");
  await page.keyboard.type("typed early ");
  await expect(edit.bar("Connection")).toContainText("waiting");
  const scroller = edit.editor.region.locator(".cm-scroller");
  // Once it is drawn: it is scrolled to the caret then.
  const scrolled = () =>
    scroller.evaluate(
      (element) =>
        new Promise<number>((done) =>
          requestAnimationFrame(() => requestAnimationFrame(() => done(element.scrollTop))),
        ),
    );
  const top = await scrolled();
  expect(top).toBeGreaterThan(500);

  way.release();
  await edit.connected();
  await expect(edit.bar("Connection")).toHaveCount(0);
  await edit.saved();
  expect(await scrolled()).toBe(top);
  await page.keyboard.type("and late ");
  await edit.saved();
  const onDisk = await edit.terminal.output("grep -c . long.txt; grep typed long.txt");
  expect(onDisk).toMatch(/^400\ntyped early and late line \d+\n$/);
});

test("what was typed without a connection outlives a reload, and comes in once", async ({
  repl,
  edit: open,
  page,
  person,
  server,
}) => {
  const way = await Way.of(page);
  const made = await repl("blank");
  const edit = await open(made);
  await edit.editor.replace("README.md", "Begin.\n");
  await edit.saved();
  way.cut();
  await expect(edit.bar("Connection")).toBeVisible();
  await edit.editor.goToEnd("README.md");
  await page.keyboard.type("Typed alone.");
  await kept(page, "Typed alone.");
  await page.reload();
  await expect.poll(() => edit.editor.text("README.md")).toBe("Begin.\nTyped alone.");
  await expect(edit.bar("Connection")).toContainText("waiting");
  await edit.editor.goToEnd("README.md");
  await page.keyboard.type(" And more.");
  await kept(page, "And more.");
  await page.reload();
  const text = "Begin.\nTyped alone. And more.";
  await expect.poll(() => edit.editor.text("README.md")).toBe(text);

  const other = await person();
  await signIn(other, server.reach);
  const b = await EditPage.open(other, `${server.origin}/r/${made.id}`);
  await b.editor.replace("README.md", "Theirs.\nBegin.\n");
  way.mend();
  await edit.connected();
  await expect(edit.bar("Connection")).toHaveCount(0);
  await edit.saved();
  for (const screen of [edit, b]) {
    await expect.poll(() => screen.editor.text("README.md")).toContain("Typed alone. And more.");
    expect(times(await screen.editor.text("README.md"), "Typed alone")).toBe(1);
  }
  const disk = await b.terminal.output("cat README.md");
  expect([times(disk, "Theirs."), times(disk, "Typed alone. And more.")]).toEqual([1, 1]);
  await edit.reload();
  await expect.poll(() => edit.editor.text("README.md")).toBe(disk);
});

test("edits outlive a restart of the server too; where they clash both texts are there, and the page says where", async ({
  startServer,
  page,
}) => {
  const server = await startServer();
  const way = await Way.of(page);
  const made = await server.create("blank", "kept");
  await signIn(page, server.reach);
  const edit = await EditPage.open(page, `${server.origin}/r/${made.id}`);
  await edit.terminal.run("printf 'calm\\n' > calm.txt");
  await edit.tree.open("calm.txt");
  await edit.editor.goToEnd("calm.txt");
  await edit.tree.open("README.md");
  await edit.editor.replace("README.md", "one\ntwo\nthree\n");
  await edit.saved();
  way.cut();
  await expect(edit.bar("Connection")).toBeVisible();
  await edit.editor.goToEndOf("README.md", "two");
  await page.keyboard.type(" mine");
  await edit.editor.tab("calm.txt").click();
  await edit.editor.goToEnd("calm.txt");
  await page.keyboard.type("kept");
  await kept(page, "two mine");
  await kept(page, "calm\nkept");
  const put = await fetch(
    `http://127.0.0.1:${server.port}/api/repls/${made.id}/files/README.md?overwrite=true`,
    {
      method: "PUT",
      headers: { authorization: `Bearer ${server.token}` },
      body: "one\ntwo theirs\nthree\n",
    },
  );
  expect(put.ok, await put.text()).toBe(true);
  // The ids of its documents end with it, since it ends in order.
  await server.sleep(made.id);
  await server.kill();
  await server.launch();

  await page.reload();
  await expect.poll(() => edit.editor.text("calm.txt")).toBe("calm\nkept");
  way.mend();
  await edit.connected();
  await edit.saved();
  expect(await edit.terminal.output("cat calm.txt")).toBe("calm\nkept");
  await edit.editor.tab("README.md").click();
  await expect(edit.bar("Clash")).toContainText("line 2");
  await expect(edit.bar("Clash").getByRole("button", { name: "Go to line 2" })).toBeVisible();
  await expect.poll(() => edit.editor.text("README.md")).toBe("one\ntwo mine\ntwo theirs\nthree\n");
  await page.goto(`${server.origin}/`);
  await server.sleep(made.id);
});

test("two tabs of one repl bring in their edits once each, whichever is reloaded or closed", async ({
  repl,
  edit: open,
  page,
  server,
}) => {
  const way = await Way.of(page);
  const made = await repl("blank");
  const a = await open(made);
  await a.editor.replace("README.md", "Begin.\n");
  await a.saved();
  const tab = await page.context().newPage();
  const ways = [way, await Way.of(tab)];
  const b = await EditPage.open(tab, `${server.origin}/r/${made.id}`);
  await expect(b.editor.content("README.md")).toContainText("Begin.");
  for (const one of ways) one.cut();
  for (const [screen, words] of [
    [a, "From the first."],
    [b, "From the second."],
  ] as const) {
    await screen.page.bringToFront();
    await screen.editor.goToEnd("README.md");
    await screen.page.keyboard.type(words);
    await kept(screen.page, words);
  }
  await Promise.all([page.reload(), tab.reload()]);
  await expect(a.editor.content("README.md")).toContainText("From the first.");
  await expect(b.editor.content("README.md")).toContainText("From the second.");
  // The second is closed: the first takes what it had.
  await tab.close();
  await expect(a.editor.content("README.md")).toContainText("From the second.");
  way.mend();
  await a.connected();
  await a.saved();
  const disk = await a.terminal.output("cat README.md");
  expect([times(disk, "From the first."), times(disk, "From the second.")]).toEqual([1, 1]);
});

test("signing out leaves nothing of it in the browser", async ({ repl, edit: open, page, server }) => {
  const edit = await open(await repl("blank"));
  await edit.saved();
  const rows = () =>
    page.evaluate(
      () =>
        new Promise<number>((done) => {
          const asked = indexedDB.open("alcove");
          asked.onsuccess = () => {
            const names = [...asked.result.objectStoreNames];
            const tx = asked.result.transaction(names);
            const counts = names.map((name) => tx.objectStore(name).count());
            tx.oncomplete = () => {
              asked.result.close();
              done(counts.reduce((sum, { result }) => sum + result, 0));
            };
          };
        }),
    );
  await expect.poll(rows).toBeGreaterThan(2);
  await page.goto(`${server.origin}/`);
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByLabel("Token")).toBeVisible();
  await expect.poll(rows).toBe(0);
});
