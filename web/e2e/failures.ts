/** Says at the very end why tests failed, in a few lines each: what a log that was cut at its front still shows. */
import { stripVTControlCharacters } from "node:util";
import type { FullConfig, Reporter, Suite, TestCase, TestResult } from "@playwright/test/reporter";

/** The attachment that tells what the page said. */
export const SEEN = "seen";
const LINES = 12;
const COLUMNS = 200;

export default class Failures implements Reporter {
  private suite: Suite | null = null;

  onBegin(_config: FullConfig, suite: Suite): void {
    this.suite = suite;
  }

  onExit(): Promise<void> {
    const failed = this.suite?.allTests().filter((test) => test.outcome() === "unexpected") ?? [];
    for (const test of failed) console.log(`\n${said(test)}`);
    return Promise.resolve();
  }

  printsToStdio(): boolean {
    return false;
  }
}

function said(test: TestCase): string {
  const where = test.titlePath().filter(Boolean).slice(1).join(" › ");
  return [`FAILED ${where}`, ...test.results.slice(-1).flatMap(why)].join("\n");
}

function why({ errors, status, attachments }: TestResult): string[] {
  const [first] = errors;
  if (!first) return [`  ${status}`];
  const text = stripVTControlCharacters(first.message ?? String(first.value));
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const { location } = first;
  const at = location ? [`  at ${location.file}:${location.line}`] : [];
  const seen =
    attachments
      .find(({ name }) => name === SEEN)
      ?.body?.toString()
      .split("\n") ?? [];
  const short = (all: string[]) => all.slice(0, LINES).map((line) => `  ${line.slice(0, COLUMNS)}`);
  return [...short(lines), ...at, ...(seen.length > 0 ? ["  The page:", ...short(seen)] : [])];
}
