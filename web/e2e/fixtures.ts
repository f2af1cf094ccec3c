/** What the tests are given: servers, repls, and people with a browser. */
import { test as base, expect, type Page } from "@playwright/test";
import { DEFAULT_SETTINGS, type Repl } from "../src/api/protocol.gen";
import { SEEN } from "./failures";
import { EditPage } from "./pages/edit";
import { PREPARED_MS, type Reach, Server, type ServerOptions } from "./server";

export { expect };

interface TestFixtures {
  /** The shared server is for the next test as it was for this one: with no repls, and nothing chosen. */
  clean: undefined;
  /** A repl of the shared server, deleted after the test. */
  repl: (template: string, name?: string) => Promise<Repl>;
  /** Until the packages of this template are there: those of the shared server are fetched as they are needed. */
  prepared: (template: string) => Promise<void>;
  /** The test's page on the edit screen of that repl. */
  edit: (repl: Repl, reach?: Reach) => Promise<EditPage>;
  /** Somebody else, in a browser of their own. */
  person: () => Promise<Page>;
  /** A server for this test alone. */
  startServer: (options?: ServerOptions) => Promise<Server>;
}

interface WorkerFixtures {
  server: Server;
}

export async function signIn(page: Page, { origin, token }: Reach): Promise<void> {
  await page.goto(`${origin}/sign-in?token=${encodeURIComponent(token)}`);
  await expect(page.getByRole("heading", { name: "What will you make?" })).toBeVisible();
}

function watch(page: Page, problems: string[]): void {
  page.on("pageerror", (error) => problems.push(error.stack ?? error.message));
}

const SEEN_MS = 5_000;

/** What a page said, and what had the keys, when its test failed. */
async function seen(page: Page): Promise<string> {
  const said = page.evaluate(() => {
    const texts = [...document.querySelectorAll("[role=alert], [role=status], .toast, dialog[open]")];
    const lines = texts.map((e) => (e.textContent ?? "").replace(/\s+/g, " ").trim());
    const keys = document.activeElement?.cloneNode(false);
    return [`keys: ${keys instanceof Element ? keys.outerHTML : "nowhere"}`, ...lines.filter(Boolean)];
  });
  // One that hangs says nothing.
  const late = new Promise<string[]>((done) =>
    setTimeout(() => done(["It does not answer."]), SEEN_MS).unref(),
  );
  return (await Promise.race([said.catch((error: unknown) => [String(error)]), late])).join("\n");
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  server: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names from the pattern.
    async ({}, use) => {
      const server = await Server.start({ prepareTemplates: true });
      await use(server);
      await server.stop();
    },
    { scope: "worker", timeout: 360_000 },
  ],
  clean: [
    async ({ server }, use) => {
      await use(undefined);
      await server.request("PUT", "/api/me/settings", DEFAULT_SETTINGS);
      for (const { id } of await server.repls()) await server.request("DELETE", `/api/repls/${id}`);
    },
    { auto: true, timeout: 120_000 },
  ],
  startServer: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names from the pattern.
    async ({}, use, info) => {
      const servers: Server[] = [];
      await use(async (options) => {
        const server = await Server.start(options);
        servers.push(server);
        return server;
      });
      if (info.status !== info.expectedStatus) {
        for (const { log } of servers) await info.attach("server.log", { body: log.join("\n") });
      }
      for (const server of servers) await server.stop();
    },
    { timeout: 360_000 },
  ],
  page: async ({ page }, use, info) => {
    const problems: string[] = [];
    watch(page, problems);
    await use(page);
    if (info.status !== info.expectedStatus) await info.attach(SEEN, { body: await seen(page) });
    expect(problems, "errors in the page").toEqual([]);
  },
  repl: async ({ server }, use, info) => {
    const made: Repl[] = [];
    await use(async (template, name = info.title.slice(0, 60)) => {
      const repl = await server.create(template, name);
      made.push(repl);
      return repl;
    });
    if (info.status !== info.expectedStatus) {
      await info.attach("server.log", { body: server.log.join("\n") });
    }
    for (const { id } of made) await server.request("DELETE", `/api/repls/${id}`);
  },
  prepared: async ({ server }, use, info) => {
    await use(async (template) => {
      info.setTimeout(info.timeout + PREPARED_MS);
      await server.prepared(template);
    });
  },
  edit: async ({ page, server }, use) => {
    await use(async (repl, reach = server.reach) => {
      await signIn(page, reach);
      return EditPage.open(page, `${reach.origin}/r/${repl.id}`);
    });
  },
  person: async ({ browser }, use) => {
    const problems: string[] = [];
    const contexts: { close: () => Promise<void> }[] = [];
    await use(async () => {
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
      contexts.push(context);
      const page = await context.newPage();
      watch(page, problems);
      return page;
    });
    for (const context of contexts) await context.close();
    expect(problems, "errors in the page").toEqual([]);
  },
});
