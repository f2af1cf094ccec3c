/** The terminals. Their screen is drawn on a canvas: its text is asked for by an event. */
import { expect, type Locator, type Page } from "@playwright/test";

const SHOWN_MS = 60_000;
const COMMAND_MS = 180_000;
const INSTALL_TRIES = 3;

export class TerminalPane {
  readonly region: Locator;
  readonly tabs: Locator;
  readonly input: Locator;
  private commands = 0;

  constructor(readonly page: Page) {
    this.region = page.getByRole("region", { name: "Terminal" });
    this.input = this.region.getByRole("textbox", { name: "Terminal input" });
    this.tabs = page.locator(".tabs", { has: page.getByRole("tablist", { name: "Terminals" }) });
  }

  tab(name: string): Locator {
    return this.tabs.getByRole("tab", { name: new RegExp(`^${name}\\b`) });
  }

  /** All lines, scrollback included. */
  async text(): Promise<string> {
    const view = this.region.locator(".terminal-view");
    if ((await view.count()) === 0) return "";
    return view.evaluate((element) => {
      let text = "";
      const detail = (read: string) => {
        text = read;
      };
      element.dispatchEvent(new CustomEvent("alcove:read-screen", { detail }));
      return text;
    });
  }

  /** What can be seen of it: spaces at the ends of lines can't. */
  async seen(): Promise<string> {
    return (await this.text()).replace(/ +$/gm, "");
  }

  async shows(text: string | RegExp, timeout = SHOWN_MS): Promise<void> {
    const matches = expect.poll(() => this.text(), { timeout });
    await (typeof text === "string" ? matches.toContain(text) : matches.toMatch(text));
  }

  /** Until the shell waits for a command. */
  async prompt(): Promise<void> {
    await this.shows(/[$#]$/);
  }

  async focus(): Promise<void> {
    // Not by a click, which is an input too where a program asks for the mouse.
    await this.input.focus();
    await expect(this.input).toBeFocused();
  }

  /** Types for a program that has asked: it must have the keys by itself. */
  async answer(keys: string): Promise<void> {
    await expect(this.input).toBeFocused();
    await this.page.keyboard.type(keys);
  }

  async type(keys: string): Promise<void> {
    await this.focus();
    await this.page.keyboard.type(keys);
  }

  async press(key: string): Promise<void> {
    await this.page.keyboard.press(key);
  }

  /** Writes a file by the shell that is shown. */
  async write(path: string, text: string): Promise<void> {
    await this.run(`base64 -d > ${path} <<< ${Buffer.from(text).toString("base64")}`);
  }

  /** Runs a command in the shell that is shown; what it printed, to the last byte. */
  async output(command: string, timeout = COMMAND_MS): Promise<string> {
    const n = `${Date.now().toString(36)}-${this.commands++}`;
    await this.prompt();
    // In two parts: the command line as it is echoed must not look like the answer.
    await this.type(`echo be''gin-${n}; ${command}; echo; echo en''d-${n}\n`);
    await this.shows(`\nend-${n}`, timeout);
    const text = await this.text();
    const from = text.indexOf(`\nbegin-${n}`) + `\nbegin-${n}\n`.length;
    return text.slice(from, text.indexOf(`\nend-${n}`));
  }

  /** The same without the last line's end, as `$(…)` has it. */
  async run(command: string, timeout = COMMAND_MS): Promise<string> {
    return (await this.output(command, timeout)).replace(/\n$/, "");
  }

  /** Runs a command that must succeed; where it fails, the test says how. */
  async succeeds(command: string, timeout = COMMAND_MS): Promise<void> {
    const log = "/tmp/succeeds.log";
    const code = await this.run(`{ ${command}; } >${log} 2>&1; echo code $?`, timeout);
    if (code !== "code 0") throw new Error(`${command}: ${code}\n${await this.run(`tail -n 8 ${log}`)}`);
  }

  /** The same for what asks a package registry, which may stumble: then it is asked again, as a person would. */
  async installs(command: string, timeout = COMMAND_MS): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.succeeds(command, timeout);
      } catch (error) {
        if (tries === INSTALL_TRIES) throw error;
        console.log(String(error));
      }
    }
  }
}
