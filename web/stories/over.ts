/** Stories of what comes over the screens and goes again: search, lists, dialogs, menus, messages, uploads. */
import { runFormOpen } from "../src/features/run/open";
import { complain, toast } from "../src/ui/toasts";
import { edit, home, press, type Story, type, type Until, untilShown } from "./story";
import { binned, type World } from "./world";

const click = async (until: Until, selector: string) => (await until(selector)).click();

/** Waits for the editor, so that keys have a place to go to. */
const ready = async (until: Until) => {
  const content = await until(".cm-content");
  content.focus();
  return content;
};

const searchFor = async (until: Until, pattern: string) => {
  await ready(until);
  press("F", { ctrl: true, shift: true });
  type(await until("input[aria-label='Search for']"), pattern);
};

/** A command of the palette, by what it is called. */
const command = async (until: Until, title: string) => {
  await click(until, ".palette-field");
  type(await until("dialog [role=combobox]"), `>${title}`);
  await click(until, `dialog [role=option][aria-label$="${title}"]`);
};

/** As if they were dropped onto the file list. */
const drop = async (until: Until, files: [name: string, bytes: number][]) => {
  const tree = await until(".tree-row");
  const dataTransfer = new DataTransfer();
  for (const [name, bytes] of files) dataTransfer.items.add(new File([new Uint8Array(bytes)], name));
  const init = { dataTransfer, bubbles: true, cancelable: true };
  tree.parentElement?.dispatchEvent(new DragEvent("drop", init));
  // On a phone the list is a pane of its own.
  await click(until, ".dock button:nth-child(1)");
  await until(".uploads");
};

const MEDIA: [string, number][] = [
  ["film.mp4", 12_000_000],
  ["cover.png", 90_000],
  ["notes.txt", 800],
];
const threeRuns = (world: World) => {
  world.project = {
    ...world.project,
    runs: [
      { name: "tests", command: "npm test", port: null },
      { name: "api", command: "node api.js", port: 8_000 },
    ],
  };
};

export const OVER: readonly Story[] = [
  home("dashboard-bin-emptying", "what is lost is said before it is", {
    world: binned,
    act: async (_, until) => {
      await click(until, ".bin button");
      await click(until, ".bin [aria-haspopup=dialog]");
    },
  }),
  home("dashboard-menu", "what can be done with a repl", {
    act: (_, until) => click(until, ".it [aria-haspopup=menu]"),
  }),
  home("dashboard-why", "why a repl failed", { act: (_, until) => click(until, ".state .link") }),
  home("dashboard-undo", "a repl was deleted, and can be brought back", {
    act: async (_, until) => {
      await until(".it");
      toast("“scraper” is in the bin, for 30 days.", { action: { label: "Undo", run: () => {} } });
    },
  }),
  home("dashboard-import", "what a repl can be made from", {
    act: async (_, until) => {
      await click(until, ".more [aria-haspopup=dialog]");
      await until("dialog.import");
    },
  }),

  edit("edit-search", "found in some files", {
    open: ["src/App.tsx"],
    act: async (_, until) => {
      await searchFor(until, "Cart");
      await until("[aria-label=Found] [role=treeitem]");
    },
  }),
  edit("edit-search-replacing", "what would stand there instead is shown", {
    open: ["src/App.tsx"],
    act: async (_, until) => {
      await ready(until);
      press("H", { ctrl: true, shift: true });
      type(await until("input[aria-label='Search for']"), "Cart");
      type(await until("input[aria-label='Replace by']"), "Basket");
      await untilShown("Basket");
    },
  }),
  edit("edit-search-nothing", "nothing is found", {
    open: ["src/App.tsx"],
    act: async (_, until) => {
      await searchFor(until, "zebra");
      await untilShown("Nothing was found");
    },
  }),
  edit("edit-quick-open", "a file is opened by some letters", {
    open: ["src/App.tsx"],
    act: async (_, until) => {
      await ready(until);
      press("p", { ctrl: true });
      type(await until("dialog [role=combobox]"), "ca");
      await until("dialog [role=option]");
    },
  }),
  edit("edit-quick-open-nothing", "no file is called that", {
    open: ["src/App.tsx"],
    act: async (_, until) => {
      await ready(until);
      press("p", { ctrl: true });
      type(await until("dialog [role=combobox]"), "zebra");
      await untilShown("No file is called that");
    },
  }),
  edit("edit-keys", "all keys, that can be changed", {
    open: ["src/App.tsx"],
    act: async (_, until) => {
      await ready(until);
      await command(until, "Keyboard shortcuts");
      await until("dialog .keys-row");
    },
  }),
  edit("edit-run-form", "what can be run", {
    open: ["src/App.tsx"],
    world: threeRuns,
    act: async (_, until) => {
      await ready(until);
      runFormOpen.set(true);
      await until("dialog.run-form");
    },
  }),
  edit("edit-find", "something is found in a file", {
    open: ["src/App.tsx"],
    act: async (_, until) => {
      await ready(until);
      press("f", { ctrl: true });
      type(await until(".cm-panels .find-bar input"), "items");
    },
  }),
  edit("edit-find-terminal", "something is found in a terminal", {
    open: ["src/App.tsx"],
    act: async (_, until) => {
      await click(until, ".dock button:nth-child(3)");
      press("L", { ctrl: true, shift: true }, await until(".terminal-view textarea"));
      type(await until("search.find-bar input"), "src");
    },
  }),
  edit("edit-menu-file", "what can be done with a file", {
    open: ["src/App.tsx"],
    act: async (_, until) => {
      await click(until, ".dock button:nth-child(1)");
      const row = await until(".tree-row");
      const { left, bottom } = row.getBoundingClientRect();
      const init = { bubbles: true, cancelable: true, clientX: left + 40, clientY: bottom };
      row.dispatchEvent(new MouseEvent("contextmenu", init));
      await until("[role=menu]");
    },
  }),
  edit("edit-menu-run", "what else can be run", {
    open: ["src/App.tsx"],
    world: threeRuns,
    act: (_, until) => click(until, ".run-area [aria-haspopup=menu]"),
  }),
  edit("edit-toasts", "messages: one that goes by itself, one of trouble", {
    open: ["src/App.tsx"],
    act: async (_, until) => {
      await ready(until);
      toast("“notes.txt” is deleted.", { lastsMs: 600_000, action: { label: "Undo", run: () => {} } });
      complain("It could not be saved: no space left on device. Your edits are kept; it is tried again.");
    },
  }),
  edit("edit-uploading", "files are on their way", {
    act: (_, until) => drop(until, MEDIA),
  }),
  edit("edit-upload-broken", "the connection is lost in the middle of an upload", {
    world: (world) => {
      world.uploads = "broken";
    },
    act: async (_, until) => {
      await drop(until, MEDIA);
      await untilShown("The connection is lost");
    },
  }),
  edit("edit-upload-refused", "files that could not be uploaded, and why", {
    world: (world) => {
      world.uploads = "refused";
    },
    act: async (_, until) => {
      await drop(until, MEDIA);
      await untilShown("3 failed");
    },
  }),
  edit("edit-upload-existing", "something is there already", {
    world: (world) => {
      world.files["film.mp4"] = new Uint8Array(4);
    },
    act: async (_, until) => {
      await drop(until, [["film.mp4", 400_000]]);
      await until("dialog[open]");
    },
  }),
];
