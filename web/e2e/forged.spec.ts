/** What a preview's page, and pages that it brings along, forge of the messages by which a shown page tells of itself. */
import type { Page } from "@playwright/test";
import type { Repl } from "../src/api/protocol.gen";
import { expect, test } from "./fixtures";
import { EditPage } from "./pages/edit";
import type { Server } from "./server";

const SITE = `
import http.server

SAY = (
    "const say = (to, text) => to.postMessage({ alcove: 'console', level: 'error', text, time: Date.now() }, '*');"
    "const lead = (to, href) => to.postMessage({ alcove: 'navigated', href }, '*');"
)

PAGE = """<!doctype html><h1>Site</h1>
<button onclick="nested('own', '')">Nest</button>
<button onclick="nested('apart', 'allow-scripts')">Nest apart</button>
<button onclick="popup()">Open</button>
<button onclick="lead(parent, 'javascript:alert(1)'); lead(parent, '//elsewhere.example/'); lead(parent, { href: '/' }); say(parent, 'astray')">Lead astray</button>
<button onclick="lead(parent, '/true'); say(parent, 'true')">Tell</button>
<script>SAY
const forge = (name) => "<script>SAY say(top, '" + name + "'); lead(top, '/" + name + "')<" + "/script>";
function nested(name, sandbox) {
  const frame = document.createElement("iframe");
  if (sandbox) frame.sandbox = sandbox;
  frame.srcdoc = forge(name);
  document.body.append(frame);
}
function popup() {
  open("/popup");
}
</script>"""
POPUP = "<script>SAY say(opener.top, 'popup'); lead(opener.top, '/popup')</script>"

class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        text = POPUP if self.path == "/popup" else PAGE
        self.wfile.write(text.replace("SAY", SAY).encode())

http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Site).serve_forever()
`.trim();

/** A running repl with that site on port 8000. */
async function serve(edit: EditPage, server: Server, { id }: Repl): Promise<void> {
  await server.write(id, "site.py", SITE);
  await edit.terminal.prompt();
  await edit.terminal.type("python3 site.py\n");
  await expect(edit.preview.frame(8000).getByRole("heading", { name: "Site" })).toBeVisible();
}

/** What reaches the editor's window at all: only then is anything said by its not being shown. */
async function listen(page: Page): Promise<(text: string, origin: string) => Promise<void>> {
  await page.evaluate(() => {
    const heard: string[] = [];
    addEventListener("message", ({ data, origin }) => {
      if (data?.alcove === "console") heard.push(`${data.text} of ${origin}`);
    });
    Object.assign(window, { heard });
  });
  return async (text, origin) => {
    const heard = () => page.evaluate(() => (window as unknown as { heard: string[] }).heard);
    await expect.poll(heard).toContain(`${text} of ${origin}`);
    // And has been drawn, if it was believed.
    await page.evaluate(
      () => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))),
    );
  };
}

test("what others than the shown page say in its name is not believed", async ({
  repl,
  edit: open,
  page,
  server,
}) => {
  const made = await repl("blank");
  const edit = await open(made);
  await serve(edit, server, made);
  const app = edit.preview.frame(8000);
  const own = await app.locator("html").evaluate(() => origin);
  const arrives = await listen(page);

  await app.getByRole("button", { name: "Nest", exact: true }).click();
  await arrives("own", own);
  await app.getByRole("button", { name: "Nest apart" }).click();
  await arrives("apart", "null");
  const popup = page.waitForEvent("popup");
  await app.getByRole("button", { name: "Open" }).click();
  await arrives("popup", own);
  await (await popup).close();
  await app.getByRole("button", { name: "Lead astray" }).click();
  await arrives("astray", own);

  await expect(edit.preview.path).toHaveValue("/");

  // The same from the shown page is taken.
  await app.getByRole("button", { name: "Tell" }).click();
  await expect(edit.preview.path).toHaveValue("/true");
  await page.getByRole("button", { name: "Console of the app, 2 errors" }).click();
  const said = page.getByRole("region", { name: "Console of the app" }).getByRole("listitem");
  await expect(said).toHaveCount(2);
  await expect(said.first()).toContainText("astray");
  await expect(said.last()).toContainText("true");
  expect(new URL(page.url()).pathname).toBe(`/r/${made.id}`);
});

test("another repl's preview in the same frame is not taken for the shown one", async ({
  repl,
  edit: open,
  page,
  server,
}) => {
  const [first, second] = [await repl("blank", "shown"), await repl("blank", "other")];
  const other = await open(second);
  await serve(other, server, second);
  const elsewhere = await other.preview
    .frame(8000)
    .locator("html")
    .evaluate(() => origin);

  const edit = await EditPage.open(page, `${server.origin}/r/${first.id}`);
  await serve(edit, server, first);
  const app = edit.preview.frame(8000);
  const arrives = await listen(page);
  // The browser is known there: it has been shown that page before.
  const [frame] = await Promise.all([
    page.waitForEvent("framenavigated", (f) => f.url().startsWith(elsewhere)),
    app.locator("html").evaluate((_, to) => location.assign(to), elsewhere),
  ]);
  await frame.getByRole("button", { name: "Tell" }).click();
  await arrives("true", elsewhere);
  await expect(edit.preview.path).toHaveValue("/");
  await expect(page.getByRole("button", { name: "Console of the app, 1 error" })).toHaveCount(0);

  await edit.preview.reload.click();
  await expect.poll(() => page.frames().some((f) => f.url().startsWith(elsewhere))).toBe(false);
  await app.getByRole("button", { name: "Tell" }).click();
  await expect(edit.preview.path).toHaveValue("/true");
  await page.getByRole("button", { name: "Console of the app, 1 error" }).click();
  const said = page.getByRole("region", { name: "Console of the app" }).getByRole("listitem");
  await expect(said).toHaveCount(1);
});
