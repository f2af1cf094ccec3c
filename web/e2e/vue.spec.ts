import { expect, test } from "./fixtures";

const INSTALL_MS = 300_000;
const HASH =
  "find app -path app/node_modules -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum";

test("vue_online: a Vite app made in the terminal is previewed, edited, left, and found again", async ({
  repl,
  edit: open,
  server,
  page,
}) => {
  // Two installations over the network, and a build.
  test.setTimeout(2_700_000);
  const made = await repl("blank");
  const edit = await open(made);
  const { terminal, tree, editor } = edit;
  await terminal.installs(
    "rm -rf app && CI=1 npm create -y vite@latest app -- --template vue-ts --no-interactive",
    INSTALL_MS,
  );
  await terminal.run("cd app");
  await terminal.installs("npm install --no-audit --no-fund", INSTALL_MS);
  await terminal.succeeds("npm run build", INSTALL_MS);
  await terminal.type("npm run dev -- --port 5173\n");
  await terminal.shows("localhost:5173");
  const app = edit.preview.frame(5173);
  await expect(app.getByRole("button").first()).toBeVisible({ timeout: 120_000 });
  await tree.open("app");
  await tree.open("src");
  await tree.open("App.vue");
  await editor.replace("App.vue", "<template>\n  <h1>Vue in Alcove</h1>\n</template>\n");
  await expect(app.getByRole("heading", { name: "Vue in Alcove" })).toBeVisible();
  await edit.saved();
  await terminal.focus();
  await terminal.press("Control+c");
  await terminal.prompt();
  const hash = await terminal.run(`cd ..; ${HASH}`);
  const modules = await terminal.run("ls app/node_modules | wc -l");
  expect(hash).toMatch(/^[0-9a-f]{64}/);

  await page.goto("about:blank");
  await server.sleep(made.id);
  const again = await open(made);
  expect(await again.terminal.run(HASH)).toBe(hash);
  // Packages come back after the sources, while one can already edit.
  const found = "until [ -d app/node_modules ]; do sleep 0.1; done; ls app/node_modules | wc -l";
  expect(await again.terminal.run(found)).toBe(modules);
  await again.terminal.type("cd app && npm run dev -- --port 5173\n");
  await expect(again.preview.frame(5173).getByRole("heading", { name: "Vue in Alcove" })).toBeVisible({
    timeout: 120_000,
  });
});
