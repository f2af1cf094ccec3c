/** The operator's page: what runs, what keeps it apart, and who may use the server. */
import { expect, signIn, test } from "./fixtures";
import { DashboardPage } from "./pages/dashboard";

test("the operator lets somebody in, gives them a role, stops what they run, and sends them away", async ({
  page,
  person,
  startServer,
}) => {
  const server = await startServer({ env: { ALCOVE_ROLES: "student:max-size=small,user-running=1" } });
  await signIn(page, server.reach);
  await page.getByRole("link", { name: "This server" }).click();
  await expect(page.getByText("No repl runs now.")).toBeVisible();
  await page.getByLabel("Name of somebody new").fill("Eve");
  await page.getByLabel("Role of somebody new").selectOption("student");
  await page.getByLabel("Name of somebody new").press("Enter");
  const dialog = page.getByRole("dialog", { name: "Eve signs in here" });
  const address = await dialog.getByLabel("Sign-in address of Eve").inputValue();
  await dialog.getByRole("button", { name: "Copy the address" }).press("Enter");
  await expect(dialog.getByRole("button", { name: "Copied" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();

  // Who is signed in is not made somebody else by an address.
  await page.goto(address);
  await expect(page.getByText("somebody else is signed in here")).toBeVisible();
  await page.goto(`${server.origin}/admin`);
  const eve = await person();
  await eve.goto(address);
  await expect(eve.getByRole("heading", { name: "What will you make?" })).toBeVisible();
  await expect(eve.getByRole("link", { name: "This server" })).toBeHidden();
  await eve.goto(`${server.origin}/admin`);
  await expect(eve.getByRole("heading", { name: "There is no such page" })).toBeVisible();
  await eve.goto(`${server.origin}/`);
  const dashboard = new DashboardPage(eve);
  await dashboard.field.fill("blank");
  await dashboard.templates.getByRole("button", { name: /Blank/ }).click();
  await expect(eve.getByRole("tree", { name: "Files" })).toBeVisible({ timeout: 120_000 });
  const name = (await eve.getByRole("heading", { level: 1 }).textContent()) ?? "";

  const running = page.getByRole("list", { name: "Running" });
  const row = running.getByRole("listitem", { name });
  await expect(row).toContainText("Eve");
  await expect(row).toContainText("512 MiB");
  await expect(row).toContainText("1 there");
  await row.getByRole("button", { name: "Stop…" }).click();
  await page.getByLabel("Why (they read it)").fill("new disks at noon");
  await page.keyboard.press("Enter");
  await expect(page.getByText(`“${name}” is saved and stopped.`)).toBeVisible();
  await expect(eve.getByText("Stopped by the operator: new disks at noon.").first()).toBeVisible();
  await expect(page.getByText("No repl runs now.")).toBeVisible();

  const people = page.getByRole("list", { name: "People" });
  const theirs = people.getByRole("listitem", { name: "Eve" });
  await expect(theirs).toContainText("1 repl");
  await theirs.getByLabel("Role of Eve").selectOption("member");
  await expect(theirs.getByLabel("Role of Eve")).toHaveValue("member");
  await theirs.getByRole("button", { name: "More for Eve" }).click();
  await page.getByRole("menuitem", { name: "Send away…" }).click();
  await page.getByRole("button", { name: "Send away" }).click();
  await expect(theirs).toBeHidden();
  await eve.goto(`${server.origin}/`);
  await expect(eve.getByLabel("Token")).toBeVisible();
});

test("what keeps repls apart is told one by one, and what is wrong with a name in words", async ({
  page,
  server,
}) => {
  await signIn(page, server.reach);
  await page.goto(`${server.origin}/admin`);
  await page.getByText(/^What is there/).click();
  const there = page.getByRole("list", { name: "What is there" });
  await expect(there.getByRole("listitem", { name: "trial sandbox", exact: true })).toBeVisible();
  await expect(there.getByRole("listitem", { name: "namespaces" })).toBeVisible();
  await page.getByRole("button", { name: "Look again" }).click();
  await expect(page.getByRole("button", { name: "Look again" })).toBeEnabled({ timeout: 60_000 });
  await page.getByLabel("Name of somebody new").fill("YOU");
  await page.getByRole("button", { name: "Let in" }).click();
  await expect(page.getByRole("alert")).toContainText("There is somebody of the name YOU");
});

test("who has as many repls at once as they may is told so, and what to do", async ({
  page,
  startServer,
}) => {
  const server = await startServer({ env: { ALCOVE_USER_RUNNING: "1" } });
  const [first, second] = [await server.create("blank", "First"), await server.create("blank", "Second")];
  await server.request("POST", `/api/repls/${first.id}/start`);
  await signIn(page, server.reach);
  await page.goto(`${server.origin}/r/${second.id}`);
  await expect(
    page.getByText("Another repl of yours runs, and you may have one at once.").first(),
  ).toBeVisible();
  await server.request("POST", `/api/repls/${first.id}/stop`);
  await page
    .getByRole("button", { name: /Try again|Start|Wake/ })
    .first()
    .click();
  await expect(page.getByRole("tree", { name: "Files" })).toBeVisible({ timeout: 120_000 });
});
