import { expect, test } from "./fixtures";

test("vim is the same after a reload, and goes on where it was", async ({ repl, edit: open, page }) => {
  const edit = await open(await repl("blank"));
  const { terminal } = edit;
  await terminal.run("seq -f 'line number %g' 1 300 > long.txt");
  await terminal.type("vim -n long.txt\n");
  await terminal.shows("line number 1\n");
  await page.keyboard.type("150Gzt5jw");
  await terminal.shows(/155,\d/);
  await page.keyboard.type("cwNUMBER");
  await page.keyboard.press("Escape");
  await page.keyboard.type("3j0ww");
  await terminal.shows("line NUMBER 155");
  await terminal.shows(/158,\d/);
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
