import { expect, signIn, test } from "./fixtures";
import { EditPage } from "./pages/edit";
import { Messages } from "./pages/messages";
import { Palette } from "./pages/palette";
import { Panes } from "./pages/panes";

test("vim is the same after a reload, and goes on where it was", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("blank"));
  const { terminal } = edit;
  await terminal.run("seq -f 'line number %g' 1 300 > long.txt");
  await terminal.type("vim -n long.txt\n");
  await terminal.shows("line number 1\n");
  await page.keyboard.type("150Gzt5jw");
  await terminal.shows(/155,6\b/);
  await page.keyboard.type("cwNUMBER");
  await page.keyboard.press("Escape");
  await page.keyboard.type("3j0ww");
  await terminal.shows("line NUMBER 155");
  // Where the last key led: all that the keys did is drawn.
  await terminal.shows(/158,13\b/);
  const before = await terminal.seen();
  const sizes: string[] = [];
  page.on("websocket", (socket) =>
    socket.on("framesent", ({ payload }) => {
      if (typeof payload === "string" && payload.includes("terminal_resize")) sizes.push(payload);
    }),
  );

  await edit.reload();
  await expect.poll(() => terminal.seen()).toBe(before);
  expect(sizes, "the terminal has its size at once").toEqual([]);
  await terminal.type("cwhere");
  await page.keyboard.press("Escape");
  await terminal.shows("line number here");
  await page.keyboard.type(":wq\n");
  await terminal.prompt();
  expect(await terminal.run("sed -n '155p;158p' long.txt")).toBe("line NUMBER 155\nline number here");
});

test("a shell knows what terminal it is in: long commands wrap, and programs have colours", async ({
  repl,
  edit: open,
}) => {
  const { terminal } = await open(await repl("blank"));
  expect(await terminal.run("echo $TERM $COLORTERM; tput cols; tput colors")).toBe(
    await terminal.run("echo xterm-256color truecolor; stty size | cut -d' ' -f2; echo 256"),
  );
  const long = "long ".repeat(60);
  expect(await terminal.run(`echo ${long}`)).toBe(long.trimEnd());
  expect(await terminal.text()).toContain(`echo ${long}`);
});

test("several terminals: each has its own shell, and a reload finds them again", async ({
  repl,
  edit: open,
  page,
}) => {
  const edit = await open(await repl("blank"));
  const { terminal } = edit;
  await terminal.run("WHO=first; cd /tmp");
  await page.getByRole("button", { name: "New terminal" }).click();
  await expect(terminal.tab("Shell 2")).toHaveAttribute("aria-selected", "true");
  expect(await terminal.run('echo "[$WHO]"; WHO=second')).toBe("[]");
  await edit.reload();
  await expect(terminal.tabs.getByRole("tab")).toHaveCount(2);
  await terminal.tab("Shell 1").click();
  expect(await terminal.run("echo $WHO; pwd")).toBe("first\n/tmp");
  await terminal.tab("Shell 2").click();
  expect(await terminal.run("echo $WHO")).toBe("second");
  await page.getByRole("button", { name: "Close Shell 2" }).click();
  await expect(terminal.tabs.getByRole("tab")).toHaveCount(1);
  await terminal.shows("/tmp");
});

test("Ctrl-C ends a flood at once", async ({ repl, edit: open }) => {
  const edit = await open(await repl("blank"));
  const { terminal } = edit;
  await terminal.prompt();
  await terminal.type("yes flood\n");
  await terminal.shows("flood\nflood\nflood");
  await terminal.press("Control+c");
  // The kernel drops what was under way: the line before may have lost its end.
  await terminal.shows(/\^C[^\n]*\n.*\$$/s);
  expect(await terminal.run("echo calm")).toBe("calm");
});

test("a shell that ends can be started again", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("blank"));
  await edit.terminal.prompt();
  await edit.terminal.type("exit 3\n");
  await expect(edit.bar("Terminal ended")).toContainText("exit code 3");
  await page.getByRole("button", { name: "Restart" }).click();
  expect(await edit.terminal.run("echo again")).toBe("again");
});

test("a terminal has a name that everybody sees, and another one beside it", async ({
  repl,
  edit: open,
  page,
  person,
  server,
}) => {
  const made = await repl("blank");
  const edit = await open(made);
  const { terminal } = edit;
  const panes = new Panes(page);
  await terminal.run("WHO=first");
  const other = await person();
  await signIn(other, server.reach);
  const theirs = await EditPage.open(other, `${server.origin}/r/${made.id}`);
  await expect(theirs.terminal.tab("Shell 1")).toBeVisible();

  const rename = async (from: string, to: string) => {
    const field = page.getByRole("textbox", { name: `New name of ${from}` });
    await expect(field).toBeFocused();
    await field.fill(to);
    await field.press("Enter");
    await expect(terminal.tab(to)).toBeVisible();
  };
  await terminal.focus();
  await page.keyboard.press("F2");
  await rename("Shell 1", "Tests");
  await expect(theirs.terminal.tab("Tests")).toBeVisible();
  // The keys are the shell's again.
  expect(await terminal.run("echo $WHO")).toBe("first");
  await terminal.tab("Tests").dblclick();
  await rename("Tests", "All tests");
  await theirs.reload();
  await expect(theirs.terminal.tab("All tests")).toBeVisible();
  await terminal.tab("All tests").focus();
  await page.keyboard.press("F2");
  await page.getByRole("textbox", { name: "New name of All tests" }).fill("x".repeat(65));
  await page.keyboard.press("Enter");
  await expect(page.getByText("A terminal’s name has 1 to 64 characters")).toBeVisible();
  await expect(terminal.tab("All tests")).toBeVisible();

  await terminal.focus();
  await page.keyboard.press("Control+Shift+5");
  const [left, right] = [panes.region("Terminal: All tests"), panes.region(/^Terminal: Shell/)];
  await panes.leftOf(left, right);
  await expect(right.getByRole("textbox", { name: "Terminal input" })).toBeFocused();
  await page.getByRole("button", { name: "Split this terminal" }).last().click();
  await expect(panes.region(/^Terminal: /)).toHaveCount(3);
});

test("a small screen has the keys that its keyboard lacks", async ({ repl, edit: open, page }) => {
  const { terminal } = await open(await repl("blank"));
  await page.setViewportSize({ width: 390, height: 844 });
  await page.getByRole("navigation", { name: "Panes" }).getByRole("button", { name: "Shell" }).click();
  const keys = page.getByRole("toolbar", { name: "Keys of the terminal" });
  await expect(keys).toHaveCount(0);
  await terminal.prompt();
  await terminal.focus();
  await expect(keys).toBeVisible();
  for (const key of await keys.getByRole("button").all()) {
    const box = await key.boundingBox();
    expect(Math.min(box?.width ?? 0, box?.height ?? 0)).toBeGreaterThanOrEqual(44);
  }
  const tap = (name: string) => keys.getByRole("button", { name, exact: true }).click();
  await page.keyboard.type("echo one ");
  await tap("Vertical bar");
  await page.keyboard.type(" cat ");
  await tap("Minus");
  await tap("Left");
  await tap("Right");
  await page.keyboard.press("Enter");
  await terminal.shows("\none\n");
  await terminal.prompt();
  await tap("Up");
  await terminal.shows(/\$ echo one \| cat -$/);
  await tap("Ctrl, for the next key");
  await page.keyboard.type("u");
  await terminal.prompt();
  await page.keyboard.type("echo re''ady; cat\n");
  await terminal.shows(/\nready$/);
  await tap("Ctrl, for the next key");
  await expect(keys.getByRole("button", { name: "Ctrl, for the next key" })).toHaveAttribute(
    "aria-pressed",
    "true",
  );
  await page.keyboard.type("c");
  await terminal.shows(/\^C\n.*\$$/);
  await expect(keys.getByRole("button", { name: "Ctrl, for the next key" })).toHaveAttribute(
    "aria-pressed",
    "false",
  );
  await tap("All commands");
  await expect(page.getByRole("combobox", { name: "Commands" })).toBeFocused();
});

test("the row of keys stands on the keyboard of the screen", async ({ repl, edit: open, page }) => {
  // The browser of the tests has no such keyboard: only what it would leave free is told.
  await page.addInitScript(() => {
    const seen = Object.assign(new EventTarget(), { scale: 1, offsetTop: 0, height: window.innerHeight });
    Object.defineProperty(window, "visualViewport", { value: seen });
  });
  const leaves = (height: number) =>
    page.evaluate((free) => {
      const seen = window.visualViewport;
      if (!seen) throw new Error("It was put there.");
      Object.assign(seen, { height: free });
      seen.dispatchEvent(new Event("resize"));
    }, height);
  const { terminal } = await open(await repl("blank"));
  await page.setViewportSize({ width: 390, height: 844 });
  await leaves(844);
  const dock = page.getByRole("navigation", { name: "Panes" });
  await dock.getByRole("button", { name: "Shell" }).click();
  await terminal.prompt();
  await terminal.focus();
  const keys = page.getByRole("toolbar", { name: "Keys of the terminal" });
  await expect(keys).toBeVisible();
  await leaves(500);
  await expect(dock).toBeHidden();
  const bottom = async () => {
    const box = await keys.boundingBox();
    return box ? box.y + box.height : 0;
  };
  await expect.poll(bottom).toBe(500);
  await terminal.type("echo here\n");
  await terminal.shows("\nhere\n");
  await leaves(844);
  await expect(dock).toBeVisible();
});

test("the shell's commands are marked, gone to, and their output copied", async ({
  repl,
  edit: open,
  page,
  context,
}) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const edit = await open(await repl("blank"));
  const { terminal } = edit;
  const messages = await Messages.held(page);
  await terminal.run("seq -f 'first %g' 200");
  await terminal.type("printf 'one\\ntwo\\n'; false\n");
  const marks = page.locator(".command-mark");
  await expect(marks.last()).toHaveAttribute("title", "Ended with exit code 1");
  const palette = new Palette(page);
  await palette.command("Copy what the last command wrote");
  await expect(messages.says("Copied 7 characters.")).toBeVisible();
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe("one\ntwo");
  // Two commands up is the one whose output fills the screen: its prompt comes into sight.
  await terminal.focus();
  for (const _ of [1, 2]) await page.keyboard.press("Control+Shift+ArrowUp");
  await expect(page.locator('.command-mark:not(.bad)[title="Ended well"]').first()).toBeInViewport();
});
