/** The edit screen, with its panes. */
import { expect, type Locator, type Page } from "@playwright/test";
import { EditorPane } from "./editor";
import { PreviewPane } from "./preview";
import { TerminalPane } from "./terminal";
import { TreePane } from "./tree";

/** A repl with many files is restored, and its image unpacked, before there is a connection. */
const CONNECTED_MS = 120_000;

export class EditPage {
  readonly editor: EditorPane;
  readonly terminal: TerminalPane;
  readonly tree: TreePane;
  readonly preview: PreviewPane;
  readonly runButton: Locator;
  readonly stopButton: Locator;

  constructor(readonly page: Page) {
    this.editor = new EditorPane(page);
    this.terminal = new TerminalPane(page);
    this.tree = new TreePane(page);
    this.preview = new PreviewPane(page);
    this.runButton = page.getByRole("button", { name: "Run", exact: true });
    this.stopButton = page.getByRole("button", { name: "Stop", exact: true });
  }

  static async open(page: Page, address: string): Promise<EditPage> {
    await page.goto(address);
    const edit = new EditPage(page);
    await edit.connected();
    return edit;
  }

  /** Until it is connected, whether it was before or not. */
  async connected(): Promise<void> {
    await expect(this.page.getByRole("contentinfo").getByText(/^Connected/)).toBeVisible({
      timeout: CONNECTED_MS,
    });
  }

  async reload(): Promise<void> {
    await this.page.reload();
    await this.connected();
  }

  async run(): Promise<void> {
    await this.runButton.click();
    await expect(this.stopButton).toBeVisible();
    // Its terminal comes to the front by itself: what is clicked on before that would be covered by it.
    await expect(this.terminal.tab("Run")).toHaveAttribute("aria-selected", "true");
  }

  async stop(): Promise<void> {
    await this.stopButton.click();
    await expect(this.runButton).toBeVisible();
  }

  /** Until what was typed is on the disk and in the store. */
  async saved(): Promise<void> {
    await expect(this.page.getByRole("status").filter({ hasText: "All saved on this machine" })).toBeVisible({
      timeout: 120_000,
    });
  }

  bar(name: string): Locator {
    return this.page.getByRole("status", { name, exact: true });
  }
}
