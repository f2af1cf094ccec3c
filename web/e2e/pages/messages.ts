/** The short messages over the page. */
import type { Locator, Page } from "@playwright/test";

/** Runs in the page: a pointer is on each message. */
function attend(): void {
  const point = () => {
    for (const message of document.querySelectorAll(".toast"))
      message.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
  };
  new MutationObserver(point).observe(document, { childList: true, subtree: true });
  point();
}

export class Messages {
  readonly region: Locator;
  readonly undo: Locator;

  constructor(readonly page: Page) {
    this.region = page.getByRole("region", { name: "Messages" });
    this.undo = this.region.getByRole("button", { name: "Undo", exact: true });
  }

  /** From now on they stay, however slow the test is: none goes while somebody is at it. */
  static async held(page: Page): Promise<Messages> {
    await page.addInitScript(attend);
    await page.evaluate(attend);
    return new Messages(page);
  }

  says(text: string | RegExp): Locator {
    return this.region.getByText(text);
  }

  /** They cover what is below them. */
  async close(): Promise<void> {
    const buttons = this.region.getByRole("button", { name: "Close message" });
    while ((await buttons.count()) > 0) await buttons.first().click();
  }
}
