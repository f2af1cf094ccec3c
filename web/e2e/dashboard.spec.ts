import { expect, signIn, test } from "./fixtures";
import { DashboardPage } from "./pages/dashboard";
import { Messages } from "./pages/messages";
import { Palette } from "./pages/palette";

test("a wrong token is refused in words, the right one leads on", async ({ page, server }) => {
  await page.goto(`${server.origin}/`);
  await page.getByLabel("Token").fill("not this one");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await page.getByLabel("Token").fill(server.token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { name: "What will you make?" })).toBeVisible();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByLabel("Token")).toBeVisible();
  await page.goto(`${server.origin}/`);
  await expect(page.getByLabel("Token")).toBeVisible();
});

test("a repl is made, renamed, put to sleep, opened again and deleted", async ({ page, server }) => {
  await signIn(page, server.reach);
  const dashboard = new DashboardPage(page);
  await dashboard.field.fill("blank");
  await dashboard.templates.getByRole("button", { name: /Blank/ }).click();
  await expect(page.getByRole("tree", { name: "Files" })).toBeVisible({ timeout: 120_000 });
  const name = (await page.getByRole("heading", { level: 1 }).textContent()) ?? "";
  await page.getByRole("button", { name, exact: true }).click();
  await page.getByRole("textbox", { name: `New name of ${name}` }).fill("By a click");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("button", { name: "By a click", exact: true })).toBeFocused();
  await new Palette(page).command("Rename this repl");
  await expect(page.getByRole("textbox", { name: "New name of By a click" })).toBeFocused();
  await page.keyboard.type("By keys");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("By keys");
  await page.getByRole("link", { name: "Back to your repls" }).click();
  await dashboard.rename("By keys", "A better name");
  await dashboard.choose("A better name", "Put to sleep");
  await expect(dashboard.row("A better name")).toContainText("Asleep, all saved", { timeout: 120_000 });
  const edit = await dashboard.open("A better name");
  await expect(edit.tree.item("README.md")).toBeVisible();
  await page.goBack();
  await dashboard.choose("A better name", "Duplicate");
  await expect(dashboard.row("A better name copy")).toBeVisible();

  const messages = await Messages.held(page);
  await dashboard.remove("A better name copy");
  // The keys go on from where they were.
  await expect(page.getByRole("button", { name: /^More for / }).and(page.locator(":focus"))).toBeVisible();
  await messages.undo.click();
  await expect(dashboard.row("A better name copy")).toBeVisible();
  await dashboard.remove("A better name copy");
  await dashboard.remove("A better name");
  await messages.close();
  await page.getByRole("button", { name: /^Bin: / }).click();
  const bin = page.getByRole("list", { name: "Repls in the bin" });
  const binned = bin.getByRole("listitem", { name: "A better name", exact: true }).first();
  await binned.getByRole("button", { name: "Bring back" }).click();
  await expect(page.getByRole("link", { name: "Open A better name" })).toBeVisible();
  await dashboard.remove("A better name");
});

test("a first visit has the field ready, and what to do in sight", async ({ page, server }) => {
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.route("**/api/repls", (route) => route.fulfill({ json: [] }));
  await signIn(page, server.reach);
  const dashboard = new DashboardPage(page);
  const cards = dashboard.templates.getByRole("listitem");
  await expect(page.getByRole("button", { name: /^Try / })).toBeInViewport({ ratio: 1 });
  await expect(dashboard.field).toBeFocused();
  await expect(cards).toHaveCount(8);
  await page.keyboard.type("zebra");
  await expect(page.getByText("Enter creates zebra from")).toBeVisible();
  await expect(cards).toHaveCount(8);
  await expect(cards.filter({ has: page.locator(".first") })).toHaveCount(1);
});

test("a name is found for who gives none, seen before Enter, and theirs to change", async ({
  page,
  server,
}) => {
  await signIn(page, server.reach);
  const dashboard = new DashboardPage(page);
  const name = page.getByRole("textbox", { name: "Name of the new repl" });
  await dashboard.field.fill("blank");
  await expect(page.getByText(/^Enter creates\s+from Blank$/)).toBeVisible();
  await expect(name).toHaveValue(/^[a-z]+-[a-z]+$/);
  const found = await name.inputValue();
  await dashboard.field.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(found, { timeout: 120_000 });
  await page.getByRole("link", { name: "Back to your repls" }).click();
  await expect(dashboard.row(found)).toBeVisible();

  // The next one is another; by keys alone it gets a name of one's own.
  await dashboard.field.fill("blank");
  await expect(name).not.toHaveValue(found);
  await dashboard.field.press("Tab");
  await page.keyboard.press("Tab");
  await expect(name).toBeFocused();
  await page.keyboard.press("Control+a");
  await page.keyboard.type("my own words");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("my own words", { timeout: 120_000 });
  await page.getByRole("link", { name: "Back to your repls" }).click();
  await dashboard.remove("my own words");
  await dashboard.remove(found);
});

test("the bin is emptied by hand, of one repl and of all, after a question", async ({
  startServer,
  page,
}) => {
  const server = await startServer();
  for (const name of ["first", "second", "third"]) {
    const { id } = await server.create("blank", name);
    await server.request("DELETE", `/api/repls/${id}`);
  }
  await signIn(page, server.reach);
  await page.getByRole("button", { name: "Bin: 3 repls" }).click();
  const bin = page.getByRole("list", { name: "Repls in the bin" });
  await page.getByRole("button", { name: "Delete first for good" }).click();
  const one = page.getByRole("dialog", { name: "Delete “first” for good?" });
  await expect(one).toContainText("All files of “first” are lost");
  await one.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByRole("button", { name: "Delete first for good" })).toBeFocused();
  await page.keyboard.press("Enter");
  await one.getByRole("button", { name: "Delete for good" }).click();
  await expect(bin.getByRole("listitem")).toHaveCount(2);
  await expect(page.getByRole("button", { name: "Hide the bin" })).toBeFocused();

  await page.getByRole("button", { name: "Empty the bin…" }).click();
  const all = page.getByRole("dialog", { name: "Empty the bin?" });
  await expect(all).toContainText("“third”, “second”");
  await all.getByRole("button", { name: "Empty the bin" }).click();
  await expect(page.getByRole("region", { name: "Bin" })).toHaveCount(0);
  await expect(new DashboardPage(page).field).toBeFocused();
  expect(await (await server.request("GET", "/api/bin")).json()).toEqual([]);
});

test("among many repls one is found by words, and they stand in the order that is asked for", async ({
  startServer,
  page,
}) => {
  const server = await startServer();
  const made = ["shop 2", "shop 10", "Notes", "api", "Zebra", "blog"];
  for (const [index, name] of made.entries()) await server.create(index % 2 ? "html" : "blank", name);
  await signIn(page, server.reach);
  const names = () =>
    page
      .getByRole("list", { name: "Yours" })
      .getByRole("listitem")
      .evaluateAll((items) => items.map((item) => item.getAttribute("aria-label")));
  await expect.poll(names).toEqual([...made].reverse());
  const order = page.getByRole("combobox", { name: "Sort by" });
  await order.selectOption("name");
  await expect.poll(names).toEqual(["api", "blog", "Notes", "shop 2", "shop 10", "Zebra"]);

  const field = page.getByRole("searchbox", { name: "Search your repls" });
  await field.fill("SHOP");
  await expect.poll(names).toEqual(["shop 2", "shop 10"]);
  await field.fill("html shop");
  await expect.poll(names).toEqual(["shop 10"]);
  await field.fill("nothing like it");
  await expect(page.getByText("None of your repls has “nothing like it”")).toBeVisible();
  await field.fill("");
  await order.selectOption("created");
  await expect.poll(names).toEqual([...made].reverse());
});
