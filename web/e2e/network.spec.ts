import { expect, test } from "./fixtures";
import { Network } from "./network";

const CUT_MS = 20_000;

test("the network is cut for 20 s while somebody types: nothing is lost, and nothing comes twice", async ({
  repl,
  edit: open,
  server,
  page,
}) => {
  test.setTimeout(180_000);
  const network = await Network.to(server.port);
  try {
    const made = await repl("blank");
    const edit = await open(made, { origin: network.origin, token: server.token });
    await edit.editor.replace("README.md", "");
    await edit.terminal.prompt();
    await edit.terminal.type("cat > out.txt\n");
    await edit.terminal.shows("cat > out.txt");
    let typed = "";
    let keys = "";
    let n = 0;
    const type = async () => {
      n++;
      await edit.editor.goToEnd("README.md");
      await page.keyboard.type(`edit ${n}. `);
      typed += `edit ${n}. `;
      await edit.terminal.type(`key ${n}\n`);
      keys += `key ${n}\n`;
    };

    await type();
    await type();
    network.cut();
    const until = Date.now() + CUT_MS;
    while (Date.now() < until) await type();
    expect(n).toBeGreaterThan(10);
    network.mend();
    await type();
    await edit.connected();
    await expect(edit.bar("Connection")).toHaveCount(0, { timeout: 30_000 });
    await type();

    expect(await edit.editor.text("README.md")).toBe(typed);
    await edit.saved();
    await edit.terminal.focus();
    await edit.terminal.press("Control+d");
    await edit.terminal.prompt();
    await edit.terminal.type("clear\n");
    expect(await edit.terminal.output("cat out.txt")).toBe(keys);
    expect(await edit.terminal.output("cat README.md")).toBe(typed);
  } finally {
    await network.close();
  }
});

test("a page without connection says what waits, and how to try again", async ({
  repl,
  edit: open,
  server,
  page,
}) => {
  const network = await Network.to(server.port);
  try {
    const edit = await open(await repl("blank"), { origin: network.origin, token: server.token });
    await edit.editor.replace("README.md", "");
    await edit.terminal.prompt();
    await edit.saved();
    network.cut();
    network.drop();
    const bar = edit.bar("Connection");
    await expect(bar).toBeVisible();
    await edit.editor.content("README.md").click();
    await page.keyboard.type("abc");
    await edit.terminal.type("xyz");
    await expect(bar).toContainText("3 keys waiting");
    await expect(bar).toContainText(/\d edits? and/);
    network.mend();
    await bar.getByRole("button", { name: "Try now" }).click();
    await expect(bar).toHaveCount(0);
    await edit.terminal.shows(/xyz$/);
    await edit.saved();
    await edit.terminal.focus();
    await edit.terminal.press("Control+c");
    expect(await edit.terminal.output("cat README.md")).toBe("abc");
  } finally {
    await network.close();
  }
});

test("the server is killed while somebody types, and comes back: the page goes on", async ({
  startServer,
  edit: open,
  page,
}) => {
  const server = await startServer();
  const made = await server.create("blank", "survivor");
  const edit = await open(made, server.reach);
  await edit.editor.replace("README.md", "Before the end.\n");
  await edit.saved();
  await edit.editor.goToEnd("README.md");
  await page.keyboard.type("At the ");
  await server.kill();
  await page.keyboard.type("end.");
  await expect(edit.bar("Connection")).toBeVisible();
  await page.keyboard.type(" After it.");
  await server.launch();
  await expect(edit.bar("Connection")).toHaveCount(0, { timeout: 60_000 });
  await edit.connected();
  await edit.saved();
  const expected = "Before the end.\nAt the end. After it.";
  await expect.poll(() => edit.editor.text("README.md")).toBe(expected);
  expect(await edit.terminal.output("cat README.md", 60_000)).toBe(expected);
  await server.sleep(made.id);
});
