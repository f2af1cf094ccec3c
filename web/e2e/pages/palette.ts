/** The field over a list: commands, files, lines. */
import { expect, type Locator, type Page } from "@playwright/test";

export class Palette {
  readonly field: Locator;
  readonly options: Locator;

  constructor(readonly page: Page) {
    this.field = page.getByRole("dialog").getByRole("combobox");
    this.options = page.getByRole("dialog").getByRole("option");
  }

  /** Opens it by its keys, and waits until it takes what is typed. */
  async open(keys: string, label: string): Promise<void> {
    await this.page.keyboard.press(keys);
    await expect(this.page.getByRole("combobox", { name: label })).toBeFocused();
  }

  async type(text: string): Promise<void> {
    await this.page.keyboard.type(text);
  }

  /** Until the option that Enter takes is this one; then takes it. */
  async take(name: string | RegExp): Promise<void> {
    await expect(this.page.getByRole("option", { selected: true })).toHaveAccessibleName(name);
    await this.page.keyboard.press("Enter");
    await expect(this.field).toHaveCount(0);
  }

  /** A command by the keyboard alone. */
  async command(name: string): Promise<void> {
    await this.open("Control+Shift+P", "Commands");
    await this.type(name);
    await this.take(new RegExp(`${name}$`));
  }
}
