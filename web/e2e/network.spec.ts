import type { Repl } from "../src/api/protocol.gen";
import { expect, signIn, test } from "./fixtures";
import { killAllOf } from "./machine";
import { Network } from "./network";
import { EditPage } from "./pages/edit";
import { Way } from "./way";

const CUT_MS = 20_000;
/** Edits and keys that are waiting by then, however slowly they are typed. */
const FEWEST = 10;

test("the network is cut for 20 s while somebody types: nothing is lost, and nothing comes twice", async ({
  repl,
  edit: open,
  server,
  page,
}) => {
  const network = await Network.to(server.port);
  try {
    const made = await repl("blank");
    const edit = await open(made, { origin: network.origin, token: server.token });
    await edit.editor.replace("README.md", "");
    await edit.terminal.prompt();
    await edit.terminal.type("echo re''ady; cat > out.txt\n");
    await edit.terminal.shows(/\nready$/);
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
    while (Date.now() < until || n <= FEWEST) await type();
    network.mend();
    await type();
    await edit.connected();
    await expect(edit.bar("Connection")).toHaveCount(0);
    await type();

    await expect.poll(() => edit.editor.text("README.md")).toBe(typed);
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

test("a page in which nothing happens stays connected", async ({ repl, edit: open, page }) => {
  const made = await repl("blank");
  const edit = await open(made);
  await edit.connected();
  let most = 0;
  page.on("websocket", (socket) => {
    let answers = 0;
    socket.on("framereceived", ({ payload }) => {
      if (typeof payload === "string" && payload.includes('"pong"')) most = Math.max(most, ++answers);
    });
  });
  await edit.reload();
  await edit.connected();
  // One connection, for longer than a page waits for an answer.
  await expect.poll(() => most, { timeout: 180_000 }).toBeGreaterThan(4);
  await expect(page.locator("footer.status")).toContainText(/Connected · \d+ ms/);
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
    // Not after the network is back: the page itself may be faster than a click.
    await bar.getByRole("button", { name: "Try now" }).click();
    network.mend();
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
  await expect(edit.bar("Connection")).toHaveCount(0, { timeout: 120_000 });
  await edit.connected();
  await edit.saved();
  const expected = "Before the end.\nAt the end. After it.";
  await expect.poll(() => edit.editor.text("README.md")).toBe(expected);
  expect(await edit.terminal.output("cat README.md")).toBe(expected);
  await server.sleep(made.id);
});

test("two people type into one file while all that runs is killed: each word is there once", async ({
  startServer,
  edit: open,
  person,
  page,
}) => {
  const server = await startServer();
  const made = await server.create("blank", "shared");
  const a = await open(made, server.reach);
  await a.editor.replace("README.md", "Between.\n");
  await a.saved();
  const other = await person();
  await signIn(other, server.reach);
  const b = await EditPage.open(other, `${server.origin}/r/${made.id}`);
  await expect(b.editor.content("README.md")).toContainText("Between.");
  await a.editor.goToStart("README.md");
  await b.editor.goToEnd("README.md");
  const words = (who: string) => Array.from({ length: 40 }, (_, n) => `${who}${n} `).join("");
  const expected = `${words("a")}Between.\n${words("b")}`;
  const killed = async () => {
    await expect(a.editor.content("README.md")).toContainText("b3 ");
    await expect(b.editor.content("README.md")).toContainText("a3 ");
    await server.kill();
    killAllOf(made.id);
  };
  await Promise.all([
    page.keyboard.type(words("a"), { delay: 20 }),
    other.keyboard.type(words("b"), { delay: 20 }),
    killed(),
  ]);
  for (const screen of [a, b]) await expect(screen.bar("Connection")).toBeVisible();
  await server.launch();
  for (const screen of [a, b]) {
    await expect(screen.bar("Connection")).toHaveCount(0, { timeout: 120_000 });
    await screen.connected();
    await screen.saved();
    await expect.poll(() => screen.editor.text("README.md")).toBe(expected);
  }
  expect(await server.read(made.id, "README.md")).toBe(expected);
  // What was typed before is undone as ever.
  await a.editor.goToStart("README.md");
  // However much of it one step of undo is.
  await expect(async () => {
    await page.keyboard.press("Control+z");
    await expect(b.editor.content("README.md")).not.toContainText("a39", { timeout: 2_000 });
  }).toPass();
  await expect(b.editor.content("README.md")).toContainText("b39");
  for (const left of [page, other]) await left.goto("about:blank");
  await server.sleep(made.id);
});

const SINCE = `
import http.server, time

began = time.time_ns()

class App(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(f"<h1>Since {began}</h1>".encode())

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", 8000), App).serve_forever()
`.trim();

test("the server is replaced while vim and a program run: both go on, and so does the preview", async ({
  startServer,
  edit: open,
  page,
}) => {
  const server = await startServer();
  const made = await server.create("blank", "upgraded");
  const edit = await open(made, server.reach);
  const { terminal } = edit;
  await terminal.write("app.py", SINCE);
  await terminal.run("(python3 app.py &)");
  const heading = edit.preview.frame(8000).getByRole("heading");
  await expect(heading).toContainText("Since");
  const since = (await heading.textContent()) ?? "";
  await terminal.type("vim -n notes.txt\n");
  await terminal.shows("notes.txt");
  await page.keyboard.type("ibefore");
  await terminal.shows("before");

  await server.leave();
  await expect(edit.bar("Connection")).toBeVisible();
  await server.launch();
  await expect(edit.bar("Connection")).toHaveCount(0);
  await terminal.type(" and after");
  await terminal.shows("before and after");
  await page.keyboard.press("Escape");
  await page.keyboard.type(":wq\n");
  await terminal.prompt();
  expect(await terminal.run("cat notes.txt")).toBe("before and after");
  await edit.preview.reload.click();
  await expect(heading).toHaveText(since);
  await server.sleep(made.id);
});

test("the server ends, and its news comes back before the connection: the page goes on all the same", async ({
  startServer,
  edit: open,
  page,
}) => {
  const server = await startServer();
  const made = await server.create("blank", "late");
  const way = await Way.of(page);
  const edit = await open(made, server.reach);
  await edit.editor.goToEnd("README.md");
  way.cut();
  await server.kill();
  // With its programs: nothing is there that could go on.
  killAllOf(made.id);
  await expect(edit.bar("Connection")).toBeVisible();
  await page.keyboard.type("Typed meanwhile.");
  const news = page.waitForResponse(
    async (answer) =>
      answer.url().endsWith(`/api/repls/${made.id}`) &&
      answer.ok() &&
      ((await answer.json()) as Repl).state.phase === "stopped",
    { timeout: 180_000 },
  );
  await server.launch();
  await news;
  way.mend();
  await edit.connected();
  await edit.saved();
  expect(await edit.terminal.output("cat README.md")).toContain("Typed meanwhile.");
  await server.sleep(made.id);
});
