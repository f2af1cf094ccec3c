import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "./fixtures";

/** Every file of a folder by its path, with a fingerprint of its bytes. */
function fingerprints(archive: string): Map<string, string> {
  const script = [
    "import hashlib, sys, zipfile",
    "z = zipfile.ZipFile(sys.argv[1])",
    "for i in z.infolist():",
    "    if not i.is_dir(): print(hashlib.sha256(z.read(i)).hexdigest(), i.filename)",
  ].join("\n");
  const out = execFileSync("python3", ["-c", script, archive], { encoding: "utf8", maxBuffer: 1 << 24 });
  return new Map(
    out
      .trimEnd()
      .split("\n")
      .map((line) => [line.slice(65), line.slice(0, 64)]),
  );
}

test("a folder of 2,000 files is uploaded, and comes back as an archive with the same bytes", async ({
  repl,
  edit: open,
  page,
}) => {
  const local = mkdtempSync(join(tmpdir(), "alcove-upload-"));
  const sent = new Map<string, string>();
  for (let n = 0; n < 2_000; n++) {
    const path = `many/folder ${n % 40}/é${n}.bin`;
    const content = Buffer.alloc(n % 977, n % 256);
    mkdirSync(dirname(join(local, path)), { recursive: true });
    writeFileSync(join(local, path), content);
    sent.set(path, createHash("sha256").update(content).digest("hex"));
  }
  const edit = await open(await repl("blank"));
  const chooser = page.waitForEvent("filechooser");
  await edit.tree.all("Upload a folder…");
  const uploads = page.getByRole("region", { name: "Uploads" });
  // Looked for from before it begins: it is there as long as the upload goes on.
  const progress = uploads.getByRole("progressbar", { name: "Bytes sent" }).waitFor();
  await (await chooser).setFiles(join(local, "many"));
  await progress;
  await expect(uploads.getByRole("status")).toHaveText("2,000 files uploaded", { timeout: 400_000 });
  await expect(edit.tree.item("many")).toBeVisible();

  const download = page.waitForEvent("download");
  await edit.tree.choose("many", "Download");
  const archive = join(local, "many.zip");
  const got = await download;
  expect(got.suggestedFilename()).toBe("many.zip");
  await got.saveAs(archive);
  expect(readFileSync(archive).length).toBeGreaterThan(900_000);
  expect(fingerprints(archive)).toEqual(sent);
  rmSync(local, { recursive: true });
});

test("files are dropped onto a folder, and nothing is replaced without a question", async ({
  repl,
  edit: open,
  page,
}) => {
  const edit = await open(await repl("blank"));
  await edit.tree.create("folder", "taken");
  const drop = async (name: string, text: string) => {
    const transfer = await page.evaluateHandle(
      ([name, text]) => {
        const data = new DataTransfer();
        data.items.add(new File([text ?? ""], name ?? ""));
        return data;
      },
      [name, text],
    );
    const row = edit.tree.item("taken");
    await row.dispatchEvent("dragover", { dataTransfer: transfer });
    await row.dispatchEvent("drop", { dataTransfer: transfer });
  };
  const uploads = page.getByRole("region", { name: "Uploads" });
  await drop("a.txt", "one");
  await expect(uploads.getByRole("status")).toHaveText("1 file uploaded");
  expect(await edit.terminal.run("cat taken/a.txt")).toBe("one");
  await drop("a.txt", "two");
  const question = page.getByRole("dialog", { name: "Replace the file?" });
  await question.getByRole("button", { name: "Cancel" }).click();
  await expect(question).toHaveCount(0);
  expect(await edit.terminal.run("cat taken/a.txt")).toBe("one");
  await drop("a.txt", "three");
  await question.getByRole("button", { name: "Replace" }).click();
  await expect.poll(() => edit.terminal.run("cat taken/a.txt")).toBe("three");
  await expect(uploads.getByRole("status")).toHaveText("1 file uploaded");
  await page.getByRole("button", { name: "Close uploads" }).click();
  await expect(uploads).toHaveCount(0);
});

test("an upload that is cancelled leaves nothing", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("blank"));
  const local = mkdtempSync(join(tmpdir(), "alcove-upload-"));
  writeFileSync(join(local, "large.bin"), Buffer.alloc(60_000_000, 1));
  // Slow enough to be seen under way.
  const slow = await page.context().newCDPSession(page);
  await slow.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: 400_000,
  });
  const chooser = page.waitForEvent("filechooser");
  await edit.tree.all("Upload files…");
  await (await chooser).setFiles(join(local, "large.bin"));
  const uploads = page.getByRole("region", { name: "Uploads" });
  await expect(uploads.getByRole("status")).toHaveText(/0 of 1 files, .*MB of 60 MB/);
  await uploads.getByRole("button", { name: "Cancel" }).click();
  await expect(uploads.getByRole("status")).toHaveText(/Upload cancelled/);
  await expect.poll(() => edit.terminal.run("ls -A | grep -c -e large -e alcove-upload")).toBe("0");
  rmSync(local, { recursive: true });
});

test("an upload goes on where it stood when the network is back", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("blank"));
  await edit.terminal.prompt();
  const local = mkdtempSync(join(tmpdir(), "alcove-upload-"));
  const content = Buffer.alloc(40_000_000);
  for (let at = 0; at < content.length; at += 1_000) content.writeUInt32LE(at, at);
  writeFileSync(join(local, "large.bin"), content);
  let sent = 0;
  page.on("request", (request) => {
    if (request.method() === "PUT") sent += Number(request.headers()["upload-offset"] === "0");
  });
  const network = await page.context().newCDPSession(page);
  const throttle = (offline: boolean, uploadThroughput: number) =>
    network.send("Network.emulateNetworkConditions", {
      offline,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput,
    });
  // Slow enough that it breaks in the middle.
  await throttle(false, 600_000);
  const chooser = page.waitForEvent("filechooser");
  await edit.tree.all("Upload files…");
  await (await chooser).setFiles(join(local, "large.bin"));
  const uploads = page.getByRole("region", { name: "Uploads" });
  const status = uploads.getByRole("status");
  await expect(status).toHaveText(/ (9|[1-3]\d)(\.\d)? MB of 40 MB/, { timeout: 180_000 });
  await throttle(true, 0);
  await expect(status).toContainText("The connection is lost; it goes on once it is back.");
  await throttle(false, -1);
  await expect(status).toHaveText("1 file uploaded", { timeout: 180_000 });
  // It did not begin anew.
  expect(sent).toBe(1);
  const hash = createHash("sha256").update(content).digest("hex");
  expect(await edit.terminal.run("sha256sum < large.bin; ls -A | grep -c alcove-upload")).toBe(
    `${hash}  -\n0`,
  );
  rmSync(local, { recursive: true });
});
