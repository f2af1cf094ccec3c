/** The file list. */
import type { Locator, Page } from "@playwright/test";

export class TreePane {
  readonly region: Locator;
  readonly tree: Locator;

  constructor(readonly page: Page) {
    this.region = page.getByRole("region", { name: "Files" });
    this.tree = page.getByRole("tree", { name: "Files" });
  }

  item(name: string): Locator {
    return this.tree.getByRole("treeitem", { name, exact: true });
  }

  async open(name: string): Promise<void> {
    await this.item(name).click();
  }

  async create(what: "file" | "folder", name: string): Promise<void> {
    await this.region.getByRole("button", { name: `New ${what}` }).click();
    const field = this.page.getByRole("textbox", { name: `Name of the new ${what}` });
    await field.fill(name);
    await field.press("Enter");
  }

  async rename(from: string, to: string): Promise<void> {
    await this.item(from).focus();
    await this.page.keyboard.press("F2");
    const field = this.page.getByRole("textbox", { name: `New name of ${from}` });
    await field.fill(to);
    await field.press("Enter");
  }

  async remove(name: string): Promise<void> {
    await this.item(name).focus();
    await this.page.keyboard.press("Delete");
  }

  /** The most rows that were there at once while something was done. */
  async drawnWhile(work: () => Promise<void>): Promise<number> {
    await this.tree.evaluate((tree) => {
      const count = () => tree.querySelectorAll("[role=treeitem]").length;
      const seen = { most: count() };
      Object.assign(window, { drawn: seen });
      new MutationObserver(() => {
        seen.most = Math.max(seen.most, count());
      }).observe(tree, { childList: true, subtree: true });
    });
    await work();
    return this.page.evaluate(() => (window as unknown as { drawn: { most: number } }).drawn.most);
  }

  /** Something of an entry's menu. */
  async choose(name: string, action: string): Promise<void> {
    await this.item(name).click({ button: "right" });
    await this.page.getByRole("menuitem", { name: action, exact: true }).click();
  }

  /** Something of the whole list's menu. */
  async all(action: string): Promise<void> {
    await this.region.getByRole("button", { name: "More for all files" }).click();
    await this.page.getByRole("menuitem", { name: action, exact: true }).click();
  }
}
