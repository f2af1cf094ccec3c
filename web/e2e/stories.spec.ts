import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { build, type PreviewServer, preview } from "vite";
import { STORIES } from "../stories/stories";

/** Pictures of all states, for whoever wants to look at them, lie in `test-results/stories`. */
const PICTURES = "test-results/stories";
const LOOKS = [
  { look: "dark", colorScheme: "dark", size: { width: 1280, height: 800 } },
  { look: "light", colorScheme: "light", size: { width: 1280, height: 800 } },
  { look: "phone", colorScheme: "dark", size: { width: 390, height: 844 } },
  { look: "phone-light", colorScheme: "light", size: { width: 390, height: 844 } },
] as const;

/** Failures alone are put into words; and in the page itself, not in another that is opened each time. */
const axe = (page: Page) =>
  new AxeBuilder({ page })
    .options({ resultTypes: ["violations"] })
    .setLegacyMode()
    .analyze();

/** By how much the page is larger than the window. */
const overflow = (page: Page) =>
  page.evaluate(() => {
    const { scrollWidth, scrollHeight, clientWidth, clientHeight } =
      document.scrollingElement ?? document.body;
    return [scrollWidth - clientWidth, scrollHeight - clientHeight];
  });

let server: PreviewServer;

test.beforeAll(async () => {
  const configFile = "vite.stories.config.ts";
  await build({ configFile, logLevel: "error" });
  server = await preview({ configFile, preview: { port: 0, host: "127.0.0.1" } });
});
test.afterAll(() => server?.close());

for (const { name, says, hover, path } of STORIES) {
  test(`${name}: ${says}`, async ({ page }) => {
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(error.stack ?? error.message));
    const address = server.resolvedUrls?.local[0] ?? "";
    await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
    await page.goto(`${address}?story=${name}`);
    await expect(page.locator("html[data-story=told]")).toBeAttached();
    await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
    for (const { look, colorScheme, size } of LOOKS) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.setViewportSize(size);
      if (hover) await page.hover(hover);
      await page.screenshot({ path: `${PICTURES}/${name}-${look}.png`, animations: "disabled" });
      if (path.startsWith("/r/"))
        await expect.soft.poll(() => overflow(page), `${name}, ${look}: scrolls`).toEqual([0, 0]);
      const { violations } = await axe(page);
      const found = violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(" ")).join("; ")}`);
      expect.soft(found, `${name}, ${look}`).toEqual([]);
    }
    expect(problems, "errors in the page").toEqual([]);
  });
}
