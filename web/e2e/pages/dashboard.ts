/** The list of repls. */
import { expect, type Locator, type Page } from "@playwright/test";
import { EditPage } from "./edit";

export class DashboardPage {
  readonly field: Locator;
  readonly templates: Locator;

  constructor(readonly page: Page) {
    this.field = page.getByRole("textbox", { name: /New repl/ });
    this.templates = page.getByRole("list", { name: "Templates" });
  }

  async create(words: string): Promise<EditPage> {
    await this.field.fill(words);
    await this.page.getByRole("button", { name: "Create", exact: true }).click();
    const edit = new EditPage(this.page);
    await edit.connected();
    return edit;
  }

  row(name: string): Locator {
    return this.page.getByRole("listitem", { name, exact: true });
  }

  async open(name: string): Promise<EditPage> {
    await this.page.getByRole("link", { name: `Open ${name}` }).click();
    const edit = new EditPage(this.page);
    await edit.connected();
    return edit;
  }

  async choose(name: string, action: string): Promise<void> {
    await this.page.getByRole("button", { name: `More for ${name}` }).click();
    await this.page.getByRole("menuitem", { name: action }).click();
  }

  async rename(from: string, to: string): Promise<void> {
    await this.choose(from, "Rename");
    const field = this.page.getByRole("textbox", { name: `New name of ${from}` });
    await field.fill(to);
    await field.press("Enter");
    await expect(this.row(to)).toBeVisible();
  }

  async remove(name: string): Promise<void> {
    await this.choose(name, "Delete");
    await expect(this.row(name)).toHaveCount(0);
  }
}
