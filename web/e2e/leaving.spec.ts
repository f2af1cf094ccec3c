import { expect, test } from "./fixtures";
import { noTraces, tracesOf, userOf } from "./machine";

const LIST = "find . -mindepth 1 -printf '%p %y %m %l\\n' | LC_ALL=C sort";
const HASH = "find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum";

test("all leave: nothing of the repl stays on the machine, and it comes back as it was", async ({
  startServer,
  edit: open,
  page,
}) => {
  const server = await startServer({ gracePeriod: "1s" });
  const made = await server.create("blank", "left alone");
  const edit = await open(made, server.reach);
  await edit.terminal.run(
    [
      "mkdir -p empty/within 'with space' deep/er/still",
      "echo run > tool && chmod 755 tool && echo secret > key && chmod 600 key",
      "ln -s ../tool deep/link && ln -s nowhere dangling && ln -s deep folderlink",
      "head -c 3000000 /dev/urandom > 'with space/big.bin'",
      "printf 'caf\\303\\251' > $'caf\\303\\251.txt'; : > nothing; chmod 700 deep/er",
    ].join("; "),
  );
  await edit.terminal.run("sleep 1000 & disown; (setsid sleep 2000 &)");
  const list = await edit.terminal.run(LIST);
  const hash = await edit.terminal.run(HASH);
  expect(list).toContain("./empty/within d");
  const user = userOf(made.id);
  const during = tracesOf(made.id, user, server.dataDir);
  expect(during.processes.length).toBeGreaterThan(3);
  expect(during.folders).toHaveLength(1);
  expect(during.namespaces).toHaveLength(1);
  expect(during.groups.length).toBeGreaterThan(0);

  await page.goto("about:blank");
  await server.asleep(made.id);
  await expect.poll(() => tracesOf(made.id, user, server.dataDir)).toEqual(noTraces);

  const again = await open(made, server.reach);
  expect(await again.terminal.run(LIST)).toBe(list);
  expect(await again.terminal.run(HASH)).toBe(hash);
});
