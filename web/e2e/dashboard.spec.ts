import { expect, signIn, test } from "./fixtures";
import { DashboardPage } from "./pages/dashboard";

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
  await dashboard.templates.getByRole("button", { name: /Blank/ }).click();
  await expect(page.getByRole("tree", { name: "Files" })).toBeVisible({ timeout: 60_000 });
  const name = (await page.getByRole("heading", { level: 1 }).textContent()) ?? "";
  await page.getByRole("link", { name: "Back to your repls" }).click();
  await dashboard.rename(name, "A better name");
  await dashboard.choose("A better name", "Put to sleep");
  await expect(dashboard.row("A better name")).toContainText("Asleep, all saved", { timeout: 30_000 });
  const edit = await dashboard.open("A better name");
  await expect(edit.tree.item("README.md")).toBeVisible();
  await page.goBack();
  await dashboard.choose("A better name", "Duplicate");
  await expect(dashboard.row("A better name copy")).toBeVisible();

  await dashboard.remove("A better name copy");
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(dashboard.row("A better name copy")).toBeVisible();
  await dashboard.remove("A better name copy");
  await dashboard.remove("A better name");
  await page.getByRole("button", { name: /^Bin: / }).click();
  const bin = page.getByRole("list", { name: "Repls in the bin" });
  await bin.getByRole("listitem", { name: "A better name", exact: true }).getByRole("button").click();
  await expect(page.getByRole("link", { name: "Open A better name" })).toBeVisible();
  await dashboard.remove("A better name");
});
