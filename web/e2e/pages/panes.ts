/** The panes: where they lie, and how they are moved. */
import { expect, type Locator, type Page } from "@playwright/test";

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export class Panes {
  constructor(readonly page: Page) {}

  region(name: string | RegExp): Locator {
    return this.page.locator("main").getByRole("region", { name, exact: typeof name === "string" });
  }

  tab(name: string): Locator {
    return this.page.locator("main").getByRole("tab", { name, exact: true });
  }

  async box(of: Locator): Promise<Box> {
    await expect(of).toBeVisible();
    const box = await of.boundingBox();
    if (!box) throw new Error("It has no place on the screen.");
    return box;
  }

  /** Until one lies left of the other. */
  async leftOf(a: Locator, b: Locator): Promise<void> {
    await expect.poll(async () => isLeftOf(await this.box(a), await this.box(b))).toBe(true);
  }

  /** Until one lies above the other. */
  async above(a: Locator, b: Locator): Promise<void> {
    await expect.poll(async () => isAbove(await this.box(a), await this.box(b))).toBe(true);
  }

  /** Drags a tab, or the handle of a pane without one, to a part of an element: `[0.9, 0.5]` is near its right. */
  async drag(from: Locator, to: Locator, [x, y]: readonly [number, number]): Promise<void> {
    const start = await this.box(from);
    const end = await this.box(to);
    await this.page.mouse.move(start.x + start.width / 2, start.y + start.height / 2);
    await this.page.mouse.down();
    await this.page.mouse.move(end.x + end.width * x, end.y + end.height * y, { steps: 4 });
    await this.page.mouse.up();
  }
}

const isLeftOf = (a: Box, b: Box): boolean =>
  a.x + a.width <= b.x && a.y < b.y + b.height && b.y < a.y + a.height;
const isAbove = (a: Box, b: Box): boolean =>
  a.y + a.height <= b.y && a.x < b.x + b.width && b.x < a.x + a.width;
