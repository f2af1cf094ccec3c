import { expect, test } from "./fixtures";

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
  await edit.preview.reload.click();
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
  await page.getByRole("button", { name: "Show it" }).click();
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
  await edit.terminal.type("python3 api.py 9000\n");
  await expect(page.getByText("A program listens on port 9000.")).toBeVisible();
  await expect(async () => {
    await app.getByRole("button", { name: "Ask 9000" }).click();
    await expect(app.getByText("Port 9000 answers http://localhost:5173")).toBeVisible({ timeout: 1_000 });
  }).toPass({ timeout: 20_000 });
  await expect(page.locator('iframe[title^="Sign-in of port"]')).toHaveCount(0);
});
