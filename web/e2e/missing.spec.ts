import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, signIn, test } from "./fixtures";
import { Messages } from "./pages/messages";

test("a template whose language is missing says what installs it, and copies that", async ({
  startServer,
  page,
  context,
}) => {
  // A tool that does not work stands before the real one, if there is one.
  const tools = await mkdtemp(join(tmpdir(), "alcove-e2e-tools-"));
  try {
    await writeFile(join(tools, "go"), "#!/bin/sh\nexit 1\n");
    await chmod(join(tools, "go"), 0o755);
    const server = await startServer({ env: { PATH: `${tools}:${process.env.PATH}` } });
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await signIn(page, server.reach);
    const messages = await Messages.held(page);
    await page.getByRole("button", { name: /^All \d+ templates$/ }).click();
    const card = page
      .getByRole("list", { name: "Templates" })
      .getByRole("listitem")
      .filter({ has: page.getByText("Go", { exact: true }) });
    await expect(card).toContainText("not installed");
    const { missing } = (await server.templates()).find(({ name }) => name === "go") ?? {};
    expect(missing?.command).toContain("install");
    await expect(card).toContainText(missing?.command ?? "");
    await card.getByRole("button", { name: "Copy the command that installs Go" }).click();
    await expect(messages.says("The command is copied.")).toBeVisible();
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe(missing?.command);
    // Nothing can be made of it.
    await expect(card.getByRole("button", { name: /^Go/ })).toHaveCount(0);
  } finally {
    await rm(tools, { recursive: true, force: true });
  }
});
