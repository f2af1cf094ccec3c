/** Several run configurations, and the form for them. */
import { expect, test } from "./fixtures";

test("configurations are written in a form, run beside each other, and stopped one by one", async ({
  edit: open,
  repl,
  page,
}) => {
  const edit = await open(await repl("blank"));
  await page.getByRole("button", { name: "More to run" }).click();
  await page.getByRole("menuitem", { name: "Edit run configurations…" }).click();
  const form = page.getByRole("dialog", { name: "Run configurations" });
  await form.getByLabel("Command of Run").fill("echo main; sleep 4711");
  await form.getByRole("button", { name: "Add another" }).click();
  await form.getByLabel("Name of the new one").fill("Run");
  await form.getByRole("button", { name: "Save" }).click();
  await expect(form.getByText("There is another one named “Run”.")).toBeVisible();
  await expect(form.getByText("It needs a command.")).toBeVisible();
  await form
    .getByRole("group", { name: "Run" })
    .last()
    .getByLabel(/^Name of/)
    .fill("Tests");
  await form.getByLabel("Command of Tests").fill("echo tested; exit 3");
  await form.getByRole("button", { name: "Add another" }).click();
  await form.getByLabel("Name of the new one").fill("Watch");
  await form.getByLabel("Command of Watch").fill("echo watching; sleep 4712");
  await form.getByRole("button", { name: "Save" }).click();
  await expect(form).toBeHidden();
  const choose = async (name: string) => {
    await page.getByRole("button", { name: "More to run" }).click();
    await page.getByRole("menuitem", { name }).click();
  };
  const shell = async (command: string) => {
    await edit.terminal.tab("Shell 1").click();
    return edit.terminal.run(command);
  };
  const asleep = () => shell("pgrep -xfc 'sleep 4711'; pgrep -xfc 'sleep 4712'");

  await edit.run();
  await choose("Run Watch");
  // Its terminal comes to the front once it runs, over whatever was chosen meanwhile.
  await expect(edit.terminal.tab("Watch")).toHaveAttribute("aria-selected", "true");
  await expect.poll(asleep).toBe("1\n1");
  await choose("Stop Watch");
  await expect.poll(asleep).toBe("1\n0");
  await choose("Run Tests");
  await expect(edit.bar("Program ended")).toContainText("The program ended with exit code 3 after ");
  // The main one goes on.
  await expect(edit.stopButton).toBeVisible();
  expect(await asleep()).toBe("1\n0");
  expect(await shell("grep -c -e Tests -e exit alcove.toml")).toBe("2");
  await edit.stop();
  await expect.poll(asleep).toBe("0\n0");
});

test("who leaves the form of run configurations with changes is asked first", async ({
  edit: open,
  repl,
  page,
}) => {
  await open(await repl("blank"));
  const form = page.getByRole("dialog", { name: "Run configurations" });
  const command = form.getByLabel("Command of Run");
  const begin = async () => {
    await page.getByRole("button", { name: "More to run" }).click();
    await page.getByRole("menuitem", { name: "Edit run configurations…" }).click();
    await expect(command).toBeFocused();
  };
  // With nothing changed there is nothing to ask.
  await begin();
  await page.keyboard.press("Escape");
  await expect(form).toHaveCount(0);

  await begin();
  await command.fill("echo changed");
  const question = page.getByRole("dialog", { name: "Leave without saving?" });
  // Escape opens the question, leaves it, and opens it again.
  for (const _ of [1, 2]) {
    await page.keyboard.press("Escape");
    await expect(question).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(question).toHaveCount(0);
    await expect(command).toHaveValue("echo changed");
  }
  await form.getByRole("button", { name: "Cancel" }).click();
  await question.getByRole("button", { name: "Leave" }).click();
  await expect(form).toHaveCount(0);
  await begin();
  await expect(command).not.toHaveValue("echo changed");
});

test("how long a program runs is seen beside a long command", async ({ edit: open, repl, page }) => {
  await page.setViewportSize({ width: 1280, height: 800 });
  const edit = await open(await repl("blank"));
  await edit.terminal.run(
    "printf '[run]\\ncommand = \"echo a long command that has no room; cat\"\\n' > alcove.toml",
  );
  await edit.run();
  const timer = page.getByRole("timer");
  await expect(timer).toHaveText(/^ · \d/);
  await expect(timer).toBeInViewport({ ratio: 1 });
});

test("a repl without a project file is told what it could run", async ({ edit: open, page, server }) => {
  const edit = await open(await server.create(null, "bare"));
  await edit.terminal.run("echo 'print(6 * 7)' > main.py");
  await expect(edit.tree.item("main.py")).toBeVisible();
  await page.getByRole("button", { name: "Set up Run" }).click();
  const form = page.getByRole("dialog", { name: "Run configurations" });
  await form.getByRole("button", { name: "python3 main.py" }).click();
  await form.getByRole("button", { name: "Save" }).click();
  await expect(edit.tree.item("alcove.toml")).toBeVisible();
  await edit.runButton.click();
  await edit.terminal.shows(/^42$/m);
});
