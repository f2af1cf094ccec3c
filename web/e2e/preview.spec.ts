import type { Repl } from "../src/api/protocol.gen";
import { expect, test } from "./fixtures";
import type { EditPage } from "./pages/edit";
import { Messages } from "./pages/messages";
import { Palette } from "./pages/palette";
import type { Server } from "./server";

const PROGRAM = `
import http.cookies, http.server, urllib.parse

class App(http.server.BaseHTTPRequestHandler):
    def answer(self, status, text, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        name = http.cookies.SimpleCookie(self.headers.get("cookie", "")).get("name")
        if name:
            self.answer(200, f"<h1>Welcome {name.value}</h1><form method=post action=/out><button>Leave</button></form>")
        else:
            self.answer(200, "<form method=post action=/in><label>Name <input name=name></label><button>Enter</button></form>")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        if self.path == "/out":
            return self.answer(303, "", location="/", set_cookie="name=; Max-Age=0; Path=/")
        name = urllib.parse.parse_qs(body)["name"][0]
        self.answer(303, "", location="/", set_cookie=f"name={name}; Path=/; HttpOnly")

http.server.ThreadingHTTPServer(("127.0.0.1", 8000), App).serve_forever()
`.trim();

test("an app that signs people in with a cookie works in the preview", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("python-console"));
  await edit.editor.replace("main.py", PROGRAM);
  await edit.saved();
  await edit.run();
  const app = edit.preview.frame(8000);
  await app.getByLabel("Name").fill("Ada");
  await app.getByRole("button", { name: "Enter" }).click();
  await expect(app.getByRole("heading", { name: "Welcome Ada" })).toBeVisible();
  // What a page keeps in itself is lost when it is loaded anew.
  await app.locator("html").evaluate((html) => {
    html.dataset.mark = "before";
  });
  await edit.preview.reload.click();
  await expect(app.locator("html:not([data-mark])")).toBeAttached();
  await expect(app.getByRole("heading", { name: "Welcome Ada" })).toBeVisible();

  const [tab] = await Promise.all([
    page.context().waitForEvent("page"),
    page.getByRole("button", { name: "Open in new tab" }).click(),
  ]);
  await expect(tab.getByRole("heading", { name: "Welcome Ada" })).toBeVisible();
  await tab.close();
  await app.getByRole("button", { name: "Leave" }).click();
  await expect(app.getByLabel("Name")).toBeVisible();
});

test("the preview goes to a path, and to another port", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("node"));
  const messages = await Messages.held(page);
  await edit.run();
  const app = edit.preview.frame(3000);
  await expect(app.getByText("You asked for /")).toBeVisible();
  await edit.preview.path.fill("/some/where?a=1");
  await edit.preview.path.press("Enter");
  await expect(app.getByText("You asked for /some/where?a=1")).toBeVisible();
  await edit.terminal.tab("Shell 1").click();
  await edit.terminal.run("echo '<h1>Second</h1>' > index.html");
  await edit.terminal.prompt();
  await edit.terminal.type("python3 -m http.server 4000\n");
  await messages.region.getByRole("button", { name: "Show it" }).click();
  await expect(edit.preview.frame(4000).getByRole("heading", { name: "Second" })).toBeVisible();
  await edit.preview.port.selectOption("3000");
  await expect(app.getByRole("heading", { name: "Hello from Node.js" })).toBeVisible();
});

const SITE = `
import http.server, socket, time

PAGE = b"""<!doctype html>
<button onclick="ask(8000)">Ask 8000</button><button onclick="ask(9000)">Ask 9000</button><p id=answer></p>
<script>
async function ask(port) {
  const host = location.host.replace(/^[0-9]+/, port);
  const options = { credentials: "include", headers: { "x-asks": "1" } };
  const text = await fetch("http://" + host + "/data", options).then((r) => r.text(), String);
  document.getElementById("answer").textContent = text;
}
ask(8000);
</script>"""

class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE)

while socket.socket().connect_ex(("127.0.0.1", 8000)):
    time.sleep(0.1)
http.server.ThreadingHTTPServer(("127.0.0.1", 5173), Site).serve_forever()
`.trim();

const API = `
import http.server, sys

class Api(http.server.BaseHTTPRequestHandler):
    def answer(self, text):
        self.send_response(200)
        self.send_header("access-control-allow-origin", self.headers["origin"])
        self.send_header("access-control-allow-credentials", "true")
        self.send_header("access-control-allow-headers", "x-asks")
        self.end_headers()
        self.wfile.write(text.encode())

    def do_OPTIONS(self):
        self.answer("")

    def do_GET(self):
        self.answer(f"Port {sys.argv[1]} answers {self.headers['origin']}")

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Api).serve_forever()
`.trim();

test("a page calls other ports of its repl, also one that opens later", async ({
  repl,
  edit: open,
  page,
}) => {
  const edit = await open(await repl("blank"));
  for (const [name, text] of [
    ["site.py", SITE],
    ["api.py", API],
  ] as const) {
    await edit.tree.create("file", name);
    await edit.editor.replace(name, text);
  }
  await edit.saved();
  await edit.terminal.write("main.sh", "python3 api.py 8000 & python3 site.py");
  await edit.terminal.write("alcove.toml", "[run]\ncommand = 'sh main.sh'\nport = 5173\n");
  await edit.run();
  const app = edit.preview.frame(5173);
  await expect(app.getByText("Port 8000 answers http://localhost:5173")).toBeVisible();

  await edit.terminal.tab("Shell 1").click();
  await edit.terminal.prompt();
  const messages = await Messages.held(page);
  await edit.terminal.type("python3 api.py 9000\n");
  await expect(messages.says("A program listens on port 9000.")).toBeVisible();
  await expect(async () => {
    await app.getByRole("button", { name: "Ask 9000" }).click();
    await expect(app.getByText("Port 9000 answers http://localhost:5173")).toBeVisible({ timeout: 5_000 });
  }).toPass({ timeout: 120_000 });
  await expect(page.locator('iframe[title^="Sign-in of port"]')).toHaveCount(0);
});

const TELLING = `
import http.server

PAGE = b"""<!doctype html>
<h1 id=where></h1><p id=size></p>
<button onclick="history.pushState(null, '', '/next?a=1'); here()">Next</button>
<button onclick="dispatchEvent(new ErrorEvent('error', { message: 'Uncaught TypeError: thrown', filename: location.href, lineno: 7 }))">Throw</button>
<button onclick="for (let i = 0; i < 2000; i++) say('flood ' + i, 'log')">Flood</button>
<script>
const tell = (message) => parent.postMessage(message, "*");
const say = (text, level, more) => tell({ alcove: "console", level, text, time: Date.now(), ...more });
function here() {
  document.getElementById("where").textContent = "At " + location.pathname;
}
const size = () => { document.getElementById("size").textContent = innerWidth + " by " + innerHeight; };
addEventListener("popstate", here);
addEventListener("resize", size);
here();
size();
say("<img src=x onerror=alert(1)> broke", "error", { source: location.origin + "/app.js", line: 2, column: 3, stack: "at app.js:2:3" });
console.log("only %s", "a word");
tell({ alcove: "console", level: "error", text: { html: "not text" } });
tell({ alcove: "navigated", href: "https://elsewhere.example/stolen" });
</script>
<iframe hidden srcdoc="<script>top.postMessage({alcove: 'console', level: 'error', text: 'forged', time: 1}, '*')</script>"></iframe>"""

class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE)

http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Site).serve_forever()
`.trim();

/** A running repl with that site on port 8000. */
async function serve(edit: EditPage, server: Server, { id }: Repl): Promise<void> {
  await server.write(id, "site.py", TELLING);
  await edit.terminal.prompt();
  await edit.terminal.type("python3 site.py\n");
}

test("what a page tells of itself is shown as text: its console, and where it is", async ({
  repl,
  edit: open,
  page,
  server,
}) => {
  const made = await repl("blank");
  const edit = await open(made);
  await server.write(made.id, "app.js", "// one\n  broken();\n");
  await serve(edit, server, made);
  const app = edit.preview.frame(8000);
  await expect(app.getByRole("heading", { name: "At /" })).toBeVisible();

  await page.getByRole("button", { name: "Console of the app, 1 error" }).click();
  const console = page.getByRole("region", { name: "Console of the app" });
  const said = console.getByRole("listitem");
  await expect(said).toHaveCount(2);
  await expect(said.first()).toContainText("<img src=x onerror=alert(1)> broke");
  await expect(said.last()).toContainText("only a word");
  await expect(console.locator("img")).toHaveCount(0);
  await said.first().getByRole("button", { name: "app.js:2:3" }).click();
  await expect(edit.editor.tab("app.js")).toHaveAttribute("aria-selected", "true");
  await expect(edit.editor.region.locator(".cm-activeLine")).toHaveText("  broken();");

  // The address follows, and goes back, forth and anew.
  await app.getByRole("button", { name: "Next" }).click();
  await expect(edit.preview.path).toHaveValue("/next?a=1");
  await page.getByRole("button", { name: "Back in the preview" }).click();
  await expect(app.getByRole("heading", { name: "At /", exact: true })).toBeVisible();
  await expect(edit.preview.path).toHaveValue("/");
  await expect(page.getByRole("button", { name: "Back in the preview" })).toBeDisabled();
  await page.getByRole("button", { name: "Forward in the preview" }).click();
  await expect(app.getByRole("heading", { name: "At /next" })).toBeVisible();
  await page.getByRole("button", { name: "Clear the console" }).click();
  await expect(said).toHaveCount(0);
  await app.getByRole("button", { name: "Throw" }).click();
  await expect(said).toHaveCount(1);
  await expect(said.first()).toContainText("Uncaught TypeError");
  await edit.preview.reload.click();
  await expect(said).toHaveCount(2);
  await expect(edit.preview.path).toHaveValue("/next?a=1");

  await app.getByRole("button", { name: "Flood" }).click();
  await expect(console.getByText("more came than can be shown")).toBeVisible();
  expect(await said.count()).toBeLessThanOrEqual(500);
});

test("a page is looked at in the size of a phone, lying too", async ({ repl, edit: open, page, server }) => {
  const made = await repl("blank");
  const edit = await open(made);
  const palette = new Palette(page);
  await serve(edit, server, made);
  const app = edit.preview.frame(8000);
  await expect(app.getByRole("heading", { name: "At /" })).toBeVisible();
  await app.locator("body").evaluate((body) => {
    body.dataset.mark = "still here";
  });
  await page.getByRole("button", { name: "Size of the page" }).click();
  await page.getByRole("menuitem", { name: "Phone, 390 × 844" }).click();
  await expect(app.getByText("390 by 844")).toBeVisible();
  await expect(edit.bar("Size of the page")).toContainText(/Phone: 390 × 844, shown at \d+ %/);
  // All of it is in sight, once it has its scale.
  await expect(async () => {
    const stage = await page.locator(".stage").boundingBox();
    const frame = await page.locator(".stage iframe").boundingBox();
    if (!stage || !frame) throw new Error("The frame is on the screen.");
    expect(frame.y + frame.height).toBeLessThanOrEqual(stage.y + stage.height);
    expect(frame.x + frame.width).toBeLessThanOrEqual(stage.x + stage.width);
  }).toPass({ timeout: 60_000 });
  await page.getByRole("button", { name: "Turn the page" }).click();
  await expect(app.getByText("844 by 390")).toBeVisible();
  expect(await app.locator("body").evaluate((body) => body.dataset.mark)).toBe("still here");

  await edit.reload();
  await expect(app.getByText("844 by 390")).toBeVisible();
  await palette.command("Show the page as large as its pane");
  await expect(edit.bar("Size of the page")).toHaveCount(0);
});
