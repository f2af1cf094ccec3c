import { expect, test } from "./fixtures";
import { DashboardPage } from "./pages/dashboard";

test("react_online: a change in the editor is in the preview at once, and the program's state stays", async ({
  page,
  prepared,
  server,
}) => {
  await prepared("react");
  await page.goto(server.signInAddress);
  const dashboard = new DashboardPage(page);
  const edit = await dashboard.create("react");
  await expect(edit.editor.tab("App.tsx")).toHaveAttribute("aria-selected", "true");
  await edit.run();

  const app = edit.preview.frame(5173);
  await expect(app.getByRole("heading", { name: "Hello from React" })).toBeVisible({ timeout: 240_000 });
  await app.getByRole("button").click();
  await app.getByRole("button").click();
  await expect(app.getByRole("button")).toHaveText("Pressed 2 times");
  await app.locator("body").evaluate(() => Object.assign(window, { marker: "still here" }));

  await edit.editor.goToEndOf("App.tsx", "Hello from React");
  for (let i = 0; i < "</h1>".length; i++) await page.keyboard.press("ArrowLeft");
  await page.keyboard.type(" in Alcove");

  await expect(app.getByRole("heading", { name: "Hello from React in Alcove" })).toBeVisible();
  await expect(app.getByRole("button")).toHaveText("Pressed 2 times");
  expect(await app.locator("body").evaluate(() => "marker" in window && window.marker)).toBe("still here");
  await edit.saved();

  await edit.stop();
  await expect(edit.bar("Program ended")).toContainText("The program was stopped.");
});
