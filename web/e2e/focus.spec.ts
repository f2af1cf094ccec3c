import { expect, test } from "./fixtures";
import { Messages } from "./pages/messages";
import { Palette } from "./pages/palette";

test("the keys always go somewhere: to what opens, to what is beside what goes", async ({
  repl,
  edit: open,
  page,
}) => {
  const { keyboard } = page;
  const edit = await open(await repl("blank"));
  const messages = await Messages.held(page);
  await expect(edit.editor.content("README.md")).toBeFocused();
  await edit.terminal.run("touch b.txt c.txt");
  await expect(edit.tree.item("c.txt")).toBeVisible();

  // A new file is typed in at once.
  await edit.editor.content("README.md").focus();
  await keyboard.press("Alt+n");
  await expect(page.getByRole("textbox", { name: "Name of the new file" })).toBeFocused();
  await keyboard.type("a.txt\n");
  await expect(edit.editor.content("a.txt")).toBeFocused();
  await keyboard.type("typed");
  await expect(edit.editor.content("a.txt")).toHaveText("typed");

  // The folders that its name makes are opened over it in the list.
  await keyboard.press("Alt+n");
  await expect(page.getByRole("textbox", { name: "Name of the new file" })).toBeFocused();
  await keyboard.type("deep/er/new.ts\n");
  await expect(edit.editor.content("new.ts")).toBeFocused();
  await expect(edit.tree.item("new.ts")).toBeVisible();
  await keyboard.press("Alt+w");
  await expect(edit.editor.tab("new.ts")).toHaveCount(0);
  await edit.tree.item("a.txt").click();
  await edit.editor.content("a.txt").focus();

  // A tab that closes leaves them to the one that is shown then, and has them when it comes back.
  await keyboard.press("Alt+w");
  await expect(edit.editor.content("README.md")).toBeFocused();
  await keyboard.press("Alt+Shift+w");
  await expect(edit.editor.content("a.txt")).toBeFocused();

  // Enter on a file opens it to type in; Space only shows it.
  await edit.tree.item("b.txt").focus();
  await keyboard.press("Space");
  await expect(edit.editor.tab("b.txt")).toHaveAttribute("aria-selected", "true");
  await expect(edit.tree.item("b.txt")).toBeFocused();
  await keyboard.press("Enter");
  await expect(edit.editor.content("b.txt")).toBeFocused();

  // What is deleted leaves them to its neighbour.
  await edit.tree.item("b.txt").focus();
  await keyboard.press("Delete");
  await expect(edit.tree.item("b.txt")).toHaveCount(0);
  await expect(edit.tree.item("c.txt")).toBeFocused();
  await messages.undo.focus();
  await keyboard.press("Enter");
  await expect(edit.tree.item("b.txt")).toBeVisible();
  await expect(edit.tree.item("c.txt")).toBeFocused();
});

test("a file goes between its text and what it means from wherever the keys are", async ({
  repl,
  edit: open,
  page,
}) => {
  const edit = await open(await repl("blank"));
  await edit.terminal.run("echo a,b > t.csv");
  await edit.tree.item("t.csv").focus();
  await page.keyboard.press("Enter");
  await expect(edit.editor.content("t.csv")).toBeFocused();
  const table = edit.editor.region.getByRole("table");
  await page.keyboard.press("Alt+Shift+v");
  await expect(table).toBeFocused();
  await page.keyboard.press("Alt+Shift+v");
  await expect(edit.editor.content("t.csv")).toBeFocused();
  await edit.tree.item("t.csv").focus();
  await page.keyboard.press("Alt+Shift+v");
  await expect(table).toBeFocused();
});

test("a file that comes late takes the keys from nobody who has gone elsewhere", async ({
  repl,
  edit: open,
  page,
}) => {
  const held: (() => void)[] = [];
  let holds = false;
  await page.routeWebSocket(/\/session/, (socket) => {
    socket.connectToServer().onMessage((message) => {
      if (holds) held.push(() => socket.send(message));
      else socket.send(message);
    });
  });
  const edit = await open(await repl("blank"));
  await edit.terminal.run("echo late > late.txt");
  await edit.tree.item("late.txt").focus();
  const palette = new Palette(page);
  await palette.open("Control+p", "Open file");
  await palette.type("late.txt");
  await expect(page.getByRole("option", { selected: true })).toHaveAccessibleName("late.txt");
  holds = true;
  await palette.take("late.txt");
  await expect(edit.editor.tab("late.txt")).toBeVisible();
  await edit.terminal.focus();
  holds = false;
  for (const send of held.splice(0)) send();
  await expect(edit.editor.content("late.txt")).toContainText("late");
  await expect(edit.terminal.input).toBeFocused();

  // To another row of the same list: it was opened to be typed in.
  await edit.terminal.run("echo later > later.txt");
  await edit.tree.item("later.txt").focus();
  holds = true;
  await page.keyboard.press("Enter");
  await expect(edit.editor.tab("later.txt")).toBeVisible();
  await edit.tree.item("README.md").focus();
  holds = false;
  for (const send of held.splice(0)) send();
  await expect(edit.editor.content("later.txt")).toBeFocused();

  // At once.
  await edit.tree.item("README.md").focus();
  await palette.open("Control+p", "Open file");
  await palette.type("README.md");
  await palette.take("README.md");
  await expect(edit.editor.content("README.md")).toBeFocused();
});
