/** The editor with its tabs. */
import { expect, type Locator, type Page } from "@playwright/test";

export class EditorPane {
  readonly region: Locator;
  readonly tabs: Locator;

  constructor(readonly page: Page) {
    this.region = page.getByRole("region", { name: "Editor" });
    this.tabs = page.locator(".tabs", { has: page.getByRole("tablist", { name: "Open files" }) });
  }

  tab(name: string): Locator {
    return this.tabs.getByRole("tab", { name, exact: true });
  }

  content(name: string): Locator {
    return this.region.getByLabel(`Text of ${name}`, { exact: true });
  }

  /** The text, of a file that is short enough to be drawn whole, without other people's carets. */
  text(name: string): Promise<string> {
    return this.content(name).evaluate((content) => {
      const copy = content.cloneNode(true) as HTMLElement;
      for (const caret of copy.querySelectorAll(".cm-other-caret, .cm-widgetBuffer")) caret.remove();
      return [...copy.querySelectorAll(".cm-line")].map((line) => line.textContent).join("\n");
    });
  }

  line(name: string, text: string | RegExp): Locator {
    return this.content(name).locator(".cm-line").filter({ hasText: text }).first();
  }

  /** Puts the caret at the end of the line that has this text. */
  async goToEndOf(name: string, text: string | RegExp): Promise<void> {
    await this.line(name, text).click();
    await this.page.keyboard.press("End");
  }

  async goToStart(name: string): Promise<void> {
    await this.content(name).click();
    await this.page.keyboard.press("Control+Home");
  }

  async goToEnd(name: string): Promise<void> {
    await this.content(name).click();
    await this.page.keyboard.press("Control+End");
  }

  /** Replaces everything by pasting, which no bracket is completed in. */
  async replace(name: string, text: string): Promise<void> {
    const content = this.content(name);
    await content.click();
    await this.page.keyboard.press("Control+a");
    await content.evaluate((element, pasted) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData("text/plain", pasted);
      element.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
    }, text);
    await expect.poll(() => this.text(name)).toBe(text);
  }
}
