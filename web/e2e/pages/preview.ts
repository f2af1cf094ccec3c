/** The preview: a frame of another origin. */
import type { FrameLocator, Locator, Page } from "@playwright/test";

export class PreviewPane {
  readonly region: Locator;
  readonly path: Locator;
  readonly reload: Locator;
  readonly port: Locator;

  constructor(readonly page: Page) {
    this.region = page.getByRole("region", { name: "Preview" });
    this.path = page.getByRole("textbox", { name: "Preview path" });
    this.reload = page.getByRole("button", { name: "Reload preview" });
    this.port = page.getByRole("combobox", { name: "Port" });
  }

  frame(port: number): FrameLocator {
    return this.page.frameLocator(`iframe[title="Preview of port ${port}"]`);
  }
}
