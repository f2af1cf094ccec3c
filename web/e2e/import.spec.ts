/** Making a repl from what a person has. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join, normalize } from "node:path";
import { expect, signIn, test } from "./fixtures";
import { EditPage } from "./pages/edit";
import { Messages } from "./pages/messages";

/** A folder with a file in a folder, and a program. */
function project(): string {
  const folder = join(mkdtempSync(join(tmpdir(), "alcove-e2e-")), "my-shop");
  mkdirSync(join(folder, "src"), { recursive: true });
  writeFileSync(join(folder, "README.md"), "# My shop\n");
  writeFileSync(join(folder, "src/main.sh"), "echo sold\n", { mode: 0o755 });
  return folder;
}

const SEEN =
  "find . -type f -not -path './.git/*' | LC_ALL=C sort | xargs sha256sum; test -x src/main.sh && echo runs";

for (const kind of ["tar.gz", "tar", "zip"] as const) {
  test(`a ${kind} archive becomes a repl, without the folder that all of it lies in`, async ({
    page,
    server,
  }) => {
    const folder = project();
    const archive = `${folder}.${kind}`;
    const above = join(folder, "..");
    if (kind === "zip") {
      const script =
        "import shutil,sys; shutil.make_archive(sys.argv[1][:-4], 'zip', sys.argv[2], 'my-shop')";
      execFileSync("python3", ["-c", script, archive, above]);
    } else execFileSync("tar", ["-C", above, "-caf", archive, "my-shop"]);
    await signIn(page, server.reach);
    const messages = await Messages.held(page);
    await page.getByRole("button", { name: "Import…" }).click();
    await page.getByLabel("An archive to import").setInputFiles(archive);
    const edit = new EditPage(page);
    await edit.connected();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("my-shop");
    await expect(messages.says("2 files came out of")).toBeVisible();
    await expect(edit.editor.tab("README.md")).toBeVisible();
    const here = execFileSync("bash", ["-c", SEEN], { cwd: folder, encoding: "utf8" }).trim();
    expect(await edit.terminal.run(SEEN)).toBe(here);
  });
}

test("a folder becomes a repl", async ({ page, server }) => {
  const folder = project();
  await signIn(page, server.reach);
  await page.getByRole("button", { name: "Import…" }).click();
  await page.getByLabel("A folder to import").setInputFiles(folder);
  const edit = new EditPage(page);
  await edit.connected();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("my-shop");
  await expect(edit.tree.item("README.md")).toBeVisible();
  await expect.poll(() => edit.terminal.run("cat src/main.sh")).toBe("echo sold");
});

test("where nothing can be started an archive or a folder goes straight into the store", async ({
  page,
  startServer,
}) => {
  const server = await startServer({ env: { ALCOVE_SPAWNER: "none" } });
  const folder = project();
  const archive = `${folder}.tar.gz`;
  execFileSync("tar", ["-C", join(folder, ".."), "-caf", archive, "my-shop"]);
  await signIn(page, server.reach);
  const messages = await Messages.held(page);
  for (const [label, chosen, told] of [
    ["An archive to import", archive, "2 files came out of my-shop.tar.gz."],
    ["A folder to import", folder, "2 files came out of the folder."],
  ] as const) {
    await page.goto(server.origin);
    await page.getByRole("button", { name: "Import…" }).click();
    await page.getByLabel(label).setInputFiles(chosen);
    await expect(messages.says(told)).toBeVisible();
    await page.getByRole("alert").getByRole("link", { name: "Look at the code" }).click();
    const files = page.getByRole("navigation", { name: "Files" });
    await files.getByRole("button", { name: "README.md" }).click();
    await expect(page.getByRole("textbox", { name: "Text of README.md" })).toContainText("# My shop");
  }
});

test("what is no archive is refused in words, and makes nothing", async ({ page, server }) => {
  await signIn(page, server.reach);
  await page.getByRole("button", { name: "Import…" }).click();
  const dialog = page.getByRole("dialog", { name: "Import" });
  await dialog.getByLabel("From a git repository").fill("nonsense");
  await dialog.getByRole("button", { name: "Fetch" }).click();
  await expect(dialog.getByRole("alert")).toContainText("not the address of a repository");
  await page
    .getByLabel("An archive to import")
    .setInputFiles({ name: "a.rar", mimeType: "application/x-rar", buffer: Buffer.from("Rar!") });
  await expect(dialog.getByRole("alert")).toContainText("a.rar is no zip, tar or tar.gz archive");
  // Its name says so, its bytes do not.
  await page
    .getByLabel("An archive to import")
    .setInputFiles({ name: "broken.zip", mimeType: "application/zip", buffer: Buffer.from("hello") });
  await new EditPage(page).connected();
  await expect(page.getByRole("alert")).toContainText("can't be read");
});

test("a git address is fetched in a terminal that says what went wrong", async ({ page, server }) => {
  await signIn(page, server.reach);
  const field = page.getByRole("textbox", { name: /New repl/ });
  await field.fill("http://127.0.0.1:9/ada/little-shop.git");
  await expect(page.getByText("Enter makes little-shop from the repository at 127.0.0.1")).toBeVisible();
  await field.press("Enter");
  const edit = new EditPage(page);
  await edit.connected();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("little-shop");
  await expect(edit.bar("Clone ended")).toContainText("could not be fetched");
});

/** An address of this machine that is not its loopback: that a sandbox never reaches. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const own = all.find(({ family, internal }) => family === "IPv4" && !internal);
  if (!own)
    throw new Error("This machine has no IPv4 address but its loopback: a repl can fetch nothing from it.");
  return own.address;
}

test("a repository is fetched with its history, and opened at what there is to read", async ({
  startServer,
  page,
}) => {
  const folder = project();
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", ...args], {
      cwd: folder,
    });
  git("init", "--quiet", "--initial-branch=main");
  git("add", ".");
  git("commit", "--quiet", "-m", "The shop opens");
  // What a plain file server needs to be cloned from (git-update-server-info(1)).
  git("clone", "--quiet", "--bare", ".", "../served/little-shop.git");
  git("-C", "../served/little-shop.git", "update-server-info");
  const served = join(folder, "../served");
  const files = createServer(({ url = "" }, answer) => {
    const path = normalize(new URL(url, "http://any").pathname);
    try {
      answer.end(readFileSync(join(served, path)));
    } catch {
      answer.writeHead(404).end();
    }
  }).listen(0, ownAddress());
  await once(files, "listening");
  const { address, port } = files.address() as AddressInfo;
  try {
    const server = await startServer({ env: { ALCOVE_ALLOW: `${address}:${port}` } });
    await signIn(page, server.reach);
    const field = page.getByRole("textbox", { name: /New repl/ });
    await field.fill(`http://${address}:${port}/little-shop.git`);
    await field.press("Enter");
    const edit = new EditPage(page);
    await edit.connected();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("little-shop");
    await expect(edit.editor.tab("README.md")).toBeVisible();
    await expect(edit.editor.content("README.md")).toContainText("# My shop");
    await expect(edit.tree.item("src")).toBeVisible();
    await expect(edit.bar("Clone ended")).toHaveText(/^The repository is here\./);
    await edit.terminal.tab("Shell 1").click();
    expect(await edit.terminal.run("git log --format=%s; sh src/main.sh")).toBe("The shop opens\nsold");
  } finally {
    files.closeAllConnections();
    files.close();
  }
});
