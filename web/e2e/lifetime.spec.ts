import { expect, signIn, test } from "./fixtures";
import { Palette } from "./pages/palette";

test("a repl is kept running with nobody here; asleep, it is woken by its preview", async ({
  startServer,
  page,
}) => {
  const server = await startServer({ gracePeriod: "1s" });
  const made = await server.create(null, "left alone");
  await signIn(page, server.reach);
  const row = page.getByRole("listitem", { name: "left alone" });
  const dialog = page.getByRole("dialog", { name: "How left alone runs" });
  const show = async () => {
    await row.getByRole("button", { name: "More for left alone" }).click();
    await page.getByRole("menuitem", { name: "How it runs" }).click();
    await expect(dialog).toBeVisible();
  };
  const kept = async () => (await server.repl(made.id)).settings;
  await show();
  await dialog.getByLabel("Keep it running with nobody here").check();
  await expect.poll(kept).toEqual({ keep_alive: true });
  // What is out of bounds is said, and changes nothing.
  const hours = dialog.getByLabel("Stops in any case after");
  await hours.fill("8761");
  await expect(dialog.getByRole("alert")).toContainText("1 to 8760 hours");
  await hours.fill("8760");
  await hours.press("Enter");
  await expect.poll(kept).toEqual({ keep_alive: true, max_life_hours: 8760 });
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);

  // Nobody opens it: it goes on past the second after which it would sleep.
  await server.request("POST", `/api/repls/${made.id}/start`);
  await expect(row).toContainText("goes on with nobody there");
  await server.write(made.id, "index.html", "<h1>It works</h1>");
  const command = "python3 -m http.server 3000 --bind 127.0.0.1";
  await server.write(made.id, "alcove.toml", `[run]\ncommand = "${command}"\nport = 3000\n`);
  expect((await server.repl(made.id)).state.awake?.why).toBe("keep_alive");

  await show();
  await dialog.getByLabel("Keep it running with nobody here").uncheck();
  await page.keyboard.press("Escape");
  await server.asleep(made.id);
  const address = `http://3000--${made.id}.alcove.localhost:${server.port}/`;
  const progress = await page.goto(address);
  expect(progress?.status()).toBe(503);
  await expect(page.getByRole("heading", { name: "It works" })).toBeVisible();
});

test("a size is chosen, holds from the next start on, and the page says what it is", async ({
  startServer,
  edit: open,
  page,
}) => {
  const server = await startServer();
  const made = await server.create("blank", "one of a class");
  const edit = await open(made, server.reach);
  await edit.terminal.run("echo here");
  const meter = page.locator("footer.status").getByTitle(/^Programs use/);
  await expect(meter).toHaveAttribute("title", /of 2 GiB of memory/);
  await new Palette(page).command("How this repl runs");
  const dialog = page.getByRole("dialog", { name: "How one of a class runs" });
  const size = dialog.getByLabel("Size");
  await expect(size).toHaveValue("standard");
  await size.selectOption("small");
  await expect(dialog).toContainText(
    "512 MiB of memory, 256 processes, 4 GiB of disk, 50 % of a usual share of the processors",
  );
  await expect(dialog).toContainText("from the next start on; now it runs with 2 GiB of memory");
  await expect.poll(async () => (await server.repl(made.id)).settings).toEqual({ size: "small" });
  await page.keyboard.press("Escape");

  await server.sleep(made.id);
  await server.request("POST", `/api/repls/${made.id}/start`);
  await edit.reload();
  await edit.terminal.run("echo here again");
  await expect(meter).toHaveAttribute("title", /of 512 MiB of memory/);
  expect(await edit.terminal.run("python3 -c 'bytearray(1 << 30)'; echo $?")).toContain("137");
  const bar = edit.bar("Limit");
  await expect(bar).toContainText(/^Memory was full at .* \(512 MiB\).* choose a larger size/);
});

test("a network is shut off, from the next start on, and the page says what is reached", async ({
  startServer,
  edit: open,
  page,
}) => {
  const server = await startServer();
  const made = await server.create("blank", "one that keeps quiet");
  const edit = await open(made, server.reach);
  const links = () => edit.terminal.run("echo links: $(grep -c : /proc/net/dev)");
  expect(await links()).toContain("links: 2");
  await new Palette(page).command("How this repl runs");
  const dialog = page.getByRole("dialog", { name: "How one that keeps quiet runs" });
  const network = dialog.getByLabel("Its programs reach");
  await expect(network).toHaveValue("internet");
  await network.selectOption("nothing outside");
  await expect(dialog).toContainText("They download and send nothing");
  await expect(dialog).toContainText("from the next start on; now they reach the internet");
  await expect.poll(async () => (await server.repl(made.id)).settings).toEqual({ network: "none" });
  await page.keyboard.press("Escape");

  await server.sleep(made.id);
  await server.request("POST", `/api/repls/${made.id}/start`);
  await edit.reload();
  expect(await links()).toContain("links: 1");
  await new Palette(page).command("How this repl runs");
  await expect(network).toHaveValue("none");
  await expect(network).toHaveAccessibleDescription(/A change holds from the next start on\.$/);
  await network.selectOption("package registries");
  await expect(dialog).toContainText("nothing else outside is reached");
  await network.selectOption("the internet (usual)");
  await expect(dialog).toContainText("now they reach nothing outside");
  await expect.poll(async () => (await server.repl(made.id)).settings).toEqual({});
});
