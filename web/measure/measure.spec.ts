/** How fast the pages are to a person. Prints, and claims nothing: machines differ. `npm run measure`. */
import type { Page } from "@playwright/test";
import { expect, signIn, test } from "../e2e/fixtures";
import { DashboardPage } from "../e2e/pages/dashboard";
import { EditPage } from "../e2e/pages/edit";

const TIMES = 5;
/** Repls that are made, and those before them that fill the caches. */
const REPLS = 30;
const WARM = 2;

interface Measured {
  /** Milliseconds since the navigation began. */
  firstPaint: number;
  typable: number | null;
  /** https://web.dev/articles/cls: below 0.1 is good. */
  layoutShift: number;
}

/** Before the page's own scripts: notes when the editor takes text, and how far things jumped. */
async function watch(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const seen = { typable: null as number | null, shift: 0 };
    Object.assign(window, { seen });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & {
        value: number;
        hadRecentInput: boolean;
      })[]) {
        if (!entry.hadRecentInput) seen.shift += entry.value;
      }
    }).observe({ type: "layout-shift", buffered: true });
    new MutationObserver((_, observer) => {
      if (!document.querySelector(".cm-content[contenteditable=true]")) return;
      seen.typable = performance.now();
      observer.disconnect();
    }).observe(document, { childList: true, subtree: true, attributes: true });
  });
}

async function measured(page: Page): Promise<Measured> {
  return page.evaluate(() => {
    const { seen } = window as unknown as { seen: { typable: number | null; shift: number } };
    const [paint] = performance.getEntriesByName("first-contentful-paint");
    return { firstPaint: paint?.startTime ?? 0, typable: seen.typable, layoutShift: seen.shift };
  });
}

function print(what: string, all: Measured[]): void {
  const middle = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  const typable = all.flatMap(({ typable }) => (typable === null ? [] : [typable]));
  const parts = [
    `first paint ${middle(all.map((m) => m.firstPaint)).toFixed(0)} ms`,
    ...(typable.length > 0 ? [`editor typable ${middle(typable).toFixed(0)} ms`] : []),
    `layout shift ${Math.max(...all.map((m) => m.layoutShift)).toFixed(4)}`,
  ];
  console.log(`${what} (median of ${all.length}): ${parts.join(", ")}`);
}

test("measure", async ({ page, server, repl }) => {
  const made = await repl("blank");
  await watch(page);
  await signIn(page, server.reach);
  const many = async (show: () => Promise<unknown>) => {
    const all: Measured[] = [];
    for (let n = 0; n < TIMES; n++) {
      await show();
      all.push(await measured(page));
    }
    return all;
  };
  const dashboard = async () => {
    await page.goto(`${server.origin}/`);
    await page.getByRole("list", { name: "Templates" }).getByRole("listitem").first().waitFor();
  };
  const edit = async () => {
    await EditPage.open(page, `${server.origin}/r/${made.id}`);
    await page.locator(".cm-content").waitFor();
  };
  print("dashboard", await many(dashboard));
  await page.evaluate(() => indexedDB.deleteDatabase("alcove"));
  await edit();
  print("edit screen, nothing kept", [await measured(page)]);
  print("edit screen, kept and awake", await many(edit));
  const asleep: Measured[] = [];
  for (let n = 0; n < TIMES; n++) {
    await page.goto(`${server.origin}/`);
    await server.sleep(made.id);
    await edit();
    asleep.push(await measured(page));
  }
  print("edit screen, kept and asleep", asleep);
});

/** Before the page's own scripts: notes when Create was clicked, and when a shell's prompt was drawn. */
async function watchPrompt(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const seen = { clicked: 0, prompt: null as number | null };
    Object.assign(window, { seen });
    const look = () => {
      let text = "";
      const detail = (read: string) => {
        text = read;
      };
      document
        .querySelector(".terminal-view")
        ?.dispatchEvent(new CustomEvent("alcove:read-screen", { detail }));
      // What the terminal holds in this frame is on the screen in the next.
      if (/[$#]$/.test(text)) {
        requestAnimationFrame((drawn) => {
          seen.prompt = drawn;
        });
      } else requestAnimationFrame(look);
    };
    const click = (event: Event) => {
      if (!(event.target instanceof Element) || !event.target.closest("button[type=submit]")) return;
      seen.clicked = event.timeStamp;
      look();
    };
    document.addEventListener("click", click, { capture: true });
  });
}

test("from Create to a prompt", async ({ page, startServer }) => {
  const server = await startServer();
  await watchPrompt(page);
  await signIn(page, server.reach);
  const dashboard = new DashboardPage(page);
  const times: number[] = [];
  for (let n = 0; n < WARM + REPLS; n++) {
    await page.goto(`${server.origin}/`);
    await dashboard.field.fill("node");
    await page.getByRole("button", { name: "Create", exact: true }).click();
    const time = await page.waitForFunction(() => {
      const { seen } = window as unknown as { seen: { clicked: number; prompt: number | null } };
      return seen.prompt && seen.prompt - seen.clicked;
    });
    if (n >= WARM) times.push((await time.jsonValue()) ?? 0);
    const [made] = await server.repls();
    expect(made?.template).toBe("node");
    if (made) await server.request("DELETE", `/api/repls/${made.id}`);
  }
  times.sort((a, b) => a - b);
  const at = (part: number) => (times[Math.ceil(REPLS * part) - 1] ?? 0).toFixed(0);
  console.log(
    `from Create to a prompt, node, cold (${REPLS} times): median ${at(0.5)} ms, 95 % ${at(0.95)} ms`,
  );
});

/** Frames of a scroll through the whole list. */
const FRAMES = 300;

test("scrolling a folder of 20,000 entries", async ({ page, server, repl }) => {
  const made = await repl("blank");
  await signIn(page, server.reach);
  const { tree, terminal } = await EditPage.open(page, `${server.origin}/r/${made.id}`);
  await terminal.run("mkdir many && cd many && seq -f 'f%05g' 20000 | xargs touch; cd ..");
  await tree.open("many");
  await tree.item("f00001").waitFor();
  const { frames, tasks } = await tree.tree.evaluate(async (element, count) => {
    const tasks: number[] = [];
    const observer = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) tasks.push(duration);
    });
    observer.observe({ type: "longtask" });
    let box = element;
    while (box.scrollHeight <= box.clientHeight && box.parentElement) box = box.parentElement;
    const frame = () => new Promise<number>((drawn) => requestAnimationFrame(drawn));
    const frames: number[] = [];
    let before = await frame();
    for (let n = 1; n <= count; n++) {
      box.scrollTop = (box.scrollHeight * n) / count;
      const now = await frame();
      frames.push(now - before);
      before = now;
    }
    observer.disconnect();
    return { frames: frames.sort((a, b) => a - b), tasks };
  }, FRAMES);
  await tree.item("f20000").waitFor();
  const at = (part: number) => (frames[Math.min(FRAMES - 1, Math.floor(FRAMES * part))] ?? 0).toFixed(1);
  console.log(
    `scrolling 20,000 entries in ${FRAMES} steps: frames of ${at(0.5)} ms (median), ${at(0.95)} ms (95 %), ` +
      `${at(1)} ms (longest); ${tasks.length} tasks over 50 ms, the longest ${Math.max(0, ...tasks).toFixed(0)} ms`,
  );
});
