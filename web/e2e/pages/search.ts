/** Search in all files. */
import type { Locator, Page } from "@playwright/test";

export class SearchPane {
  readonly region: Locator;
  readonly field: Locator;
  readonly replacement: Locator;
  readonly state: Locator;
  readonly results: Locator;

  constructor(readonly page: Page) {
    this.region = page.getByRole("region", { name: "Search" });
    this.field = this.region.getByRole("textbox", { name: "Search for" });
    this.replacement = this.region.getByRole("textbox", { name: "Replace by" });
    this.state = this.region.getByRole("status", { name: "Search" });
    this.results = this.region.getByRole("tree", { name: "Found" });
  }

  row(name: string | RegExp): Locator {
    return this.results.getByRole("treeitem", { name });
  }
}
