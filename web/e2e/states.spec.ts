/** States that come to be by what happens, and not by what is made up: the stories show how all of them look. */
import { expect, signIn, test } from "./fixtures";
import { killAllOf } from "./machine";
import { DashboardPage } from "./pages/dashboard";
import { EditPage } from "./pages/edit";
import { kept, Way } from "./way";

test("the first open says what the repl was made from and what Run does; once", async ({
  repl,
  edit: open,
  page,
}) => {
  const made = await repl("python-console");
  const edit = await open(made);
  const card = page.getByRole("region", { name: "About this repl" });
  await expect(card).toContainText("Python");
  await expect(card).toContainText("Run starts python3 main.py; what it writes is shown in a terminal.");
  await card.getByRole("button", { name: "Got it" }).click();
  await expect(card).toHaveCount(0);
  await edit.reload();
  await edit.terminal.prompt();
  await expect(card).toHaveCount(0);
});

test("a program that fails out of sight says how, with its last words; its output is one click away", async ({
  repl,
  edit: open,
}) => {
  const edit = await open(await repl("blank"));
  const { editor, terminal, tree } = edit;
  const program = ["until [ -e go ]; do sleep 0.1; done", "rm go", "seq -f 'line %g' 4", "kill -SEGV $$", ""];
  await tree.open("main.sh");
  await editor.replace("main.sh", program.join("\n"));
  await edit.saved();
  await edit.run();
  await terminal.tab("Shell 1").click();
  await terminal.run("touch go");
  const bar = edit.bar("Program failed");
  await expect(bar).toContainText(/The program was ended by signal 11 \(.+\) after \d+:\d\d\./);
  await expect(bar.locator("output")).toContainText("line 4");
  await bar.getByRole("button", { name: "Show output" }).click();
  await expect(bar).toHaveCount(0);
  const ended = edit.bar("Program ended");
  await expect(ended).toContainText("signal 11");
  await terminal.shows("line 4");
  await ended.getByRole("button", { name: "Run again" }).click();
  await expect(edit.stopButton).toBeVisible();
  await edit.stop();
  await expect(ended).toContainText("The program was stopped.");
  await terminal.tab("Shell 1").click();
  await terminal.prompt();
  await expect(bar).toHaveCount(0);
});

test("being offline is told apart from a server that does not answer", async ({
  repl,
  edit: open,
  page,
  context,
}) => {
  const way = await Way.of(page);
  const edit = await open(await repl("blank"));
  await edit.terminal.prompt();
  const bar = edit.bar("Connection");
  way.cut();
  await expect(bar).toContainText("The server does not answer");
  await expect(bar.getByRole("button", { name: "Try now" })).toBeVisible();
  await context.setOffline(true);
  await expect(bar).toContainText("You are offline.");
  await expect(bar.getByRole("button")).toHaveCount(0);
  await expect(page.getByRole("contentinfo")).toContainText("Offline");
  way.mend();
  await context.setOffline(false);
  await edit.connected();
  await expect(bar).toHaveCount(0);
});

for (const { button, left } of [
  { button: "Keep mine", left: "one\ntwö mine\nthree\n" },
  { button: "Keep disk’s", left: "one\ntwö by a program\nthree\n" },
  { button: "Keep both", left: "one\ntwö mine\ntwö by a program\nthree\n" },
]) {
  test(`a program rewrites the line that somebody is in: ${button}`, async ({ repl, edit: open, page }) => {
    const edit = await open(await repl("blank"));
    const { editor, terminal } = edit;
    await editor.replace("README.md", "one\ntwö\nthree\n");
    await edit.saved();
    // What is typed can't be written until the program has: it has the file open already.
    await terminal.run("exec 9<> README.md; chmod 444 README.md; chmod 555 .");
    await editor.goToEndOf("README.md", "twö");
    await page.keyboard.type(" mine");
    await expect(page.getByRole("alert")).toContainText("can’t be written");
    await terminal.run("printf 'one\\ntwö by a program\\nthree\\n' >&9; chmod 755 .; chmod 644 README.md");
    const bar = edit.bar("Clash");
    await expect(bar).toContainText("line 2");
    await expect(page.locator(".cm-clash-mine")).toHaveText("twö mine");
    await expect(page.locator(".cm-clash-theirs")).toHaveText("twö by a program");
    await bar.getByRole("button", { name: button }).click();
    await expect(bar).toHaveCount(0);
    await expect.poll(() => editor.text("README.md")).toBe(left);
    await edit.saved();
    expect(await terminal.output("cat README.md")).toBe(left);
  });
}

test("where a repl died says why, what it means for the files, and what to do", async ({
  startServer,
  page,
}) => {
  const server = await startServer();
  const made = await server.create("blank", "mortal");
  await signIn(page, server.reach);
  const edit = await EditPage.open(page, `${server.origin}/r/${made.id}`);
  await edit.editor.replace("README.md", "Kept.\n");
  await edit.saved();
  await page.goto(`${server.origin}/`);
  killAllOf(made.id);
  const row = new DashboardPage(page).row("mortal");
  await expect(row).toContainText("Failed:");
  await row.getByRole("button", { name: "Why?" }).click();
  const why = page.getByRole("dialog", { name: "Why mortal failed" });
  const { detail } = (await server.repl(made.id)).state;
  expect(detail).toBeTruthy();
  await expect(why).toContainText(detail ?? "");
  await expect(why).toContainText("All its files are saved.");
  await why.getByRole("button", { name: "Start it again" }).click();
  await edit.connected();
  await expect(edit.editor.content("README.md")).toContainText("Kept.");
  await page.goto(`${server.origin}/`);
  await server.sleep(made.id);
});

test("signing out asks where edits would be lost", async ({ repl, edit: open, page, server }) => {
  const way = await Way.of(page);
  const edit = await open(await repl("blank"));
  await edit.editor.replace("README.md", "Saved. ");
  await edit.saved();
  way.cut();
  await expect(edit.bar("Connection")).toBeVisible();
  await edit.editor.goToEnd("README.md");
  await page.keyboard.type("Not saved.");
  await kept(page, "Not saved.");
  await page.goto(`${server.origin}/`);
  const leave = page.getByRole("button", { name: "Sign out", exact: true });
  await leave.click();
  const question = page.getByRole("dialog", { name: "Sign out?" });
  await expect(question).toContainText("Edits in 1 file are not saved yet.");
  await question.getByRole("button", { name: "Cancel" }).click();
  await expect(question).toHaveCount(0);
  await page.reload();
  await expect(page.getByRole("heading", { name: "What will you make?" })).toBeVisible();
  await leave.click();
  await question.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByLabel("Token")).toBeVisible();
});
