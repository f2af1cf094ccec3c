/** The edit screen's arrangement for one repl: panes, open files, terminal and preview; kept in the browser. */
import type { ProjectInfo, WorkspacePath } from "../../api/protocol.gen";
import { Value } from "../../session/value";
import { load, store } from "../../ui/storage";
import * as tabs from "../editor/tabs";

export interface Layout {
  tree: boolean;
  preview: boolean;
  terminal: boolean;
  treeWidth: number;
  /** Part of the window's width. */
  previewShare: number;
  terminalHeight: number;
}

/** One pane at a time on a small screen. */
export type Pane = "files" | "code" | "shell" | "preview";

export interface PreviewWish {
  port: number;
  path: string;
  /** Another number loads the frame anew. */
  load: number;
}

const FIRST: Layout = {
  tree: true,
  preview: false,
  terminal: true,
  treeWidth: 236,
  previewShare: 0.32,
  terminalHeight: 232,
};

function readLayout(kept: unknown): Layout {
  const layout: Layout = { ...FIRST };
  if (typeof kept !== "object" || kept === null) return layout;
  const read = kept as Partial<Record<keyof Layout, unknown>>;
  for (const key of ["tree", "preview", "terminal"] as const) {
    if (typeof read[key] === "boolean") layout[key] = read[key];
  }
  for (const key of ["treeWidth", "previewShare", "terminalHeight"] as const) {
    if (typeof read[key] === "number" && Number.isFinite(read[key])) layout[key] = read[key];
  }
  return layout;
}

export class Bench {
  readonly layout: Value<Layout>;
  readonly tabs: Value<tabs.Tabs>;
  readonly pane = new Value<Pane>("code");
  readonly terminal = new Value<number | null>(null);
  /** What programs call their terminals. */
  readonly titles = new Value<ReadonlyMap<number, string>>(new Map());
  readonly preview = new Value<PreviewWish | null>(null);
  /** The terminal that is to have the keys, once it is drawn. */
  readonly typeInto = new Value<number | "any" | null>(null);
  /** Size of the terminal that was shown last. */
  terminalSize = { cols: 80, rows: 24 };
  /** Set by panes that can take the focus. */
  readonly focus: { editor: () => void; terminal: () => void } = { editor: () => {}, terminal: () => {} };
  /** A place of a file that is to be shown, once its editor is there. */
  readonly reveal = new Value<{ path: WorkspacePath; offset: number } | null>(null);
  private firstVisit: boolean;

  constructor(private readonly repl: string) {
    this.layout = new Value(readLayout(load(this.key("layout"))));
    const kept = load(this.key("tabs"));
    this.firstVisit = kept === null;
    this.tabs = new Value(tabs.read(kept));
    this.layout.subscribe(() => store(this.key("layout"), this.layout.get()));
    this.tabs.subscribe(() => store(this.key("tabs"), this.tabs.get()));
  }

  /** Opens what the project says, when this browser has not been here before. */
  welcome(project: ProjectInfo): void {
    if (!this.firstVisit) return;
    this.firstVisit = false;
    const [first] = project.open;
    if (first === undefined) return;
    this.tabs.set({ open: [...new Set(project.open)], active: first });
  }

  arrange(change: Partial<Layout>): void {
    this.layout.update((layout) => ({ ...layout, ...change }));
  }

  openFile(path: WorkspacePath): void {
    this.tabs.update((t) => tabs.open(t, path));
    this.pane.set("code");
  }

  showTerminal(id: number | null): void {
    this.terminal.set(id);
    if (!this.layout.get().terminal) this.arrange({ terminal: true });
  }

  setTitle(terminal: number, title: string): void {
    this.titles.update((titles) => new Map(titles).set(terminal, title));
  }

  showPreview(port: number, path = "/"): void {
    this.preview.update((now) => ({ port, path, load: (now?.load ?? 0) + 1 }));
    this.arrange({ preview: true });
  }

  private key(what: string): string {
    return `alcove.${what}.${this.repl}`;
  }
}
