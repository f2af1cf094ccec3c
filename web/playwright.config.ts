import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: "e2e",
  testMatch: "**/*.spec.ts",
  // The tests of one worker share one server, and two processors are all that some machines have. The
  // stories need no server: they take the time in which the others wait.
  workers: 2,
  projects: [
    { name: "product", testIgnore: "**/stories.spec.ts", workers: 1 },
    { name: "stories", testMatch: "**/stories.spec.ts", workers: 1 },
  ],
  fullyParallel: false,
  retries: 0,
  // Nothing is slow because of these: a machine may stand still for a while in the midst of a step.
  timeout: 600_000,
  expect: { timeout: 60_000 },
  forbidOnly: true,
  reporter: [["list"], ["./e2e/failures.ts"]],
  outputDir: "test-results",
  use: {
    browserName: "chromium",
    viewport: { width: 1440, height: 900 },
    actionTimeout: 60_000,
    navigationTimeout: 120_000,
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: process.env.ALCOVE_CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        // A name that is not localhost: to the browser, plain http to it is no secure context.
        "--host-resolver-rules=MAP alcove.test 127.0.0.1,MAP *.alcove.test 127.0.0.1",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
