/** Shows one story (`?story=name`), or the list of all. Built from the product's own components; no part of it. */
import "../src/styles/tokens.css";
import "../src/styles/base.css";
import "../src/styles/overlay.css";
import "../src/styles/dashboard.css";
import "../src/styles/settings.css";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
import { App } from "../src/app/App";
import { keep } from "../src/features/panes/keep";
import { firstLayout, type Layout, openFile } from "../src/features/panes/layout";
import { forgetAll, writeHead } from "../src/kept/database";
import { BrowserKeeper } from "../src/kept/keeper";
import { compareEntries } from "../src/session/tree";
import { STORIES, worldOf } from "./stories";
import type { Story } from "./story";
import { install, Session, type World } from "./world";

const ID = "shop00000000";

function layoutOf({ open = [], shown }: Story): Layout {
  const first = firstLayout();
  const [front, ...behind] = open;
  const layout = [...behind, front].reduce((l, path) => (path === undefined ? l : openFile(l, path)), first);
  return { ...layout, shown: { ...layout.shown, ...shown } };
}

function until(selector: string): Promise<HTMLElement> {
  return new Promise((found) => {
    const look = () => {
      const element = document.querySelector<HTMLElement>(selector);
      if (!element) return;
      watch.disconnect();
      found(element);
    };
    const watch = new MutationObserver(look);
    watch.observe(document.body, { childList: true, subtree: true });
    look();
  });
}

/** As a page before this one left it: the folders, and the first file. */
async function leave(world: World, path: string): Promise<void> {
  const session = new Session({ ...world, starting: true });
  const listed = session.list("");
  const keeper = new BrowserKeeper(ID, world.me.id);
  keeper.writeRepl({ project: world.project, role: "owner", folders: [["", listed.sort(compareEntries)]] });
  const text = world.files[path];
  keeper.write({ path, epoch: "before", state: session.stateOf(String(text)), unsaved: null });
  if (world.repl) await writeHead(world.me, world.repl);
  // What is read later is read after what was written.
  await keeper.read(path);
  keeper.close();
}

async function show(story: Story): Promise<void> {
  const world = worldOf(story);
  localStorage.clear();
  sessionStorage.clear();
  await forgetAll();
  const open = story.open ?? [];
  if (!story.fresh) localStorage.setItem(`alcove.layout.${ID}`, JSON.stringify(keep(layoutOf(story))));
  if (story.kept) {
    await leave(world, open[0] ?? "");
    world.starting = true;
  }
  const { sessions } = install(world);
  window.history.replaceState(null, "", story.path);
  document.title = story.name;
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const root = document.getElementById("root");
  if (!root) return;
  createRoot(root).render(
    <QueryClientProvider client={client}>
      <App />
    </QueryClientProvider>,
  );
  await until("main, form");
  if (story.path.startsWith("/r/") && story.act) await until(".app, .code-page");
  const [session] = sessions;
  await story.act?.(session ?? new Session(world), until);
  document.documentElement.dataset.story = "told";
}

function List() {
  return (
    <main className="page wrap">
      <h1>Stories</h1>
      <ul>
        {STORIES.map(({ name, says }) => (
          <li key={name}>
            <a href={`?story=${name}`}>{name}</a>: {says}
          </li>
        ))}
      </ul>
    </main>
  );
}

const wanted = new URLSearchParams(window.location.search).get("story");
const story = STORIES.find(({ name }) => name === wanted);
const root = document.getElementById("root");
if (story) void show(story);
else if (root) createRoot(root).render(<List />);
