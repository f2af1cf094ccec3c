import { expect, test } from "./fixtures";

test("a program that takes all memory is ended, and the page says why", async ({
  startServer,
  edit: open,
  page,
}) => {
  const server = await startServer({ env: { ALCOVE_MEMORY: "128MiB" } });
  const edit = await open(await server.create("blank", "full"), server.reach);
  await edit.terminal.run("echo before");
  await expect(page.locator("footer.status")).toContainText(/\d+(\.\d)? [KM]iB · \d+ % CPU/);
  await expect(edit.bar("Limit")).toHaveCount(0);
  expect(await edit.terminal.run("python3 -c 'bytearray(1 << 30)'; echo $?")).toContain("137");
  const bar = edit.bar("Limit");
  await expect(bar).toContainText(/^Memory was full at .* \(128 MiB\)/);
  // The repl goes on.
  expect(await edit.terminal.run("echo after")).toBe("after");
  await bar.getByRole("button", { name: "Hide this" }).click();
  await expect(bar).toHaveCount(0);
  expect(await edit.terminal.run("python3 -c 'bytearray(1 << 30)'; echo $?")).toContain("137");
  await expect(bar).toBeVisible();
});

test("a full disk is the repl's own, and the page says so until there is room", async ({
  startServer,
  edit: open,
  page,
}) => {
  const server = await startServer({ env: { ALCOVE_DISK: "64MiB" } });
  const edit = await open(await server.create("blank", "full"), server.reach);
  expect(await edit.terminal.run("head -c 128M /dev/zero > big; echo $?")).toContain(
    "No space left on device",
  );
  const bar = edit.bar("Limit");
  await expect(bar).toContainText(/^The disk is full \([\d.]+ MiB\)/);
  await expect(page.locator("footer.status")).toContainText("Almost full");
  // It may just be read to be saved: then there is room a moment later.
  const write = "until (echo room > small) 2>/dev/null; do sleep 0.1; done";
  expect(await edit.terminal.run(`rm big; ${write}; cat small`)).toBe("room");
  await expect(bar).toHaveCount(0);
});

test("a page that is forgotten says when its repl stops, and keeps it running at a click", async ({
  startServer,
  edit: open,
}) => {
  const server = await startServer({ env: { ALCOVE_IDLE_PERIOD: "45s" } });
  const edit = await open(await server.create("blank", "forgotten"), server.reach);
  await edit.terminal.run("echo here");
  const bar = edit.bar("Idle");
  await expect(bar).toContainText(/this repl stops at .* if nobody does anything/);
  await bar.getByRole("button", { name: "Keep running" }).click();
  await expect(bar).toHaveCount(0);
  await expect(bar).toBeVisible();
  await edit.terminal.type("echo back\n");
  await expect(bar).toHaveCount(0);
});

test("what the operator stops says why, and its person starts it again", async ({
  server,
  repl,
  edit: open,
  page,
}) => {
  const made = await repl("blank", "halted");
  const edit = await open(made);
  await edit.terminal.run("echo kept > file");
  const told = "Stopped by the operator: new disks at noon.";
  await server.halt(made.id, "new disks at noon");
  await edit.terminal.shows(told);
  const bar = page.getByRole("alert").filter({ hasText: `The repl is asleep. ${told}` });
  await expect(bar).toBeVisible();
  // Looking at it again does not start it.
  await page.reload();
  await expect(page.getByRole("alert")).toContainText(told);
  expect((await server.repl(made.id)).state.phase).toBe("stopped");
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await edit.connected();
  await expect(page.getByText(told)).toHaveCount(0);
  expect(await edit.terminal.run("cat file")).toBe("kept");
});
