/** The edit screen's arrangement for one repl: panes, open files, terminal and preview; kept in the browser. */
import type { EditorView } from "@codemirror/view";
import type { ProjectInfo, WorkspacePath } from "../../api/protocol.gen";
import { Value } from "../../session/value";
import { load, store } from "../../ui/storage";
import * as tabs from "../editor/tabs";
import { EMPTY_FORM, type SearchForm } from "../search/form";

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

/** Where the focus can be. */
export type Place = "files" | "search" | "editor" | "terminal" | "preview";

/** A place of a file: by offset, or by line (from 1) with the letters of it that are to be selected. */
export type Spot = { offset: number } | { line: number; start?: number; end?: number };

/** What the file list can be told to do with what is chosen in it. */
export interface FilesHandle {
  chosen: () => readonly WorkspacePath[];
  hasClipboard: () => boolean;
  rename: () => void;
  remove: () => void;
  cut: () => void;
  copy: () => void;
  paste: () => void;
  duplicate: () => void;
  download: () => void;
  copyPath: (relative: boolean) => void;
  upload: (what: "files" | "folder") => void;
}

export interface PreviewWish {
  port: number;
  path: string;
  /** Another number loads the frame anew. */
  load: number;
}

const MOST_RECENT = 50;

function readPaths(kept: unknown): WorkspacePath[] {
  return Array.isArray(kept) ? kept.filter((p): p is string => typeof p === "string" && p !== "") : [];
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
  /** What is typed in the palette when it opens: `>` for commands, nothing for files; null when it is shut. */
  readonly palette = new Value<string | null>(null);
  /** The list of keys is shown. */
  readonly keysOpen = new Value(false);
  /** What stands at the left. */
  readonly side = new Value<"files" | "search">("files");
  readonly search = new Value<SearchForm>(EMPTY_FORM);
  /** The part of the left side that is to have the keys, once it is drawn. */
  readonly focusSide = new Value<"files" | "search" | null>(null);
  /** Something new that is to be named in the file list, once that is drawn. */
  readonly draft = new Value<"file" | "folder" | null>(null);
  /** Set by the terminal while it is drawn. */
  readonly focus: { terminal: () => void } = { terminal: () => {} };
  /** The terminal that is shown. */
  shell: { find: () => void; clear: () => void } | null = null;
  /** The editor that is shown. */
  editor: EditorView | null = null;
  /** The file list, while it is shown. */
  files: FilesHandle | null = null;
  /** Set by the file list's rows. */
  selectAllFiles: () => void = () => {};
  /** The file that is to be shown in the file list. */
  readonly revealInTree = new Value<WorkspacePath | null>(null);
  /** The file whose editor is to have the keys, once it is there. */
  readonly typeInEditor = new Value<WorkspacePath | null>(null);
  /** A place of a file that is to be shown, once its editor is there. */
  readonly reveal = new Value<({ path: WorkspacePath } & Spot) | null>(null);
  /** Texts that are shown as what they mean: a table, a picture, a page beside the text. */
  readonly shown = new Value<ReadonlySet<WorkspacePath>>(new Set());
  /** Files that were shown, the last one first. */
  readonly recent: Value<WorkspacePath[]>;
  private closed: WorkspacePath[] = [];
  private firstVisit: boolean;

  constructor(private readonly repl: string) {
    this.layout = new Value(readLayout(load(this.key("layout"))));
    const kept = load(this.key("tabs"));
    this.firstVisit = kept === null;
    this.tabs = new Value(tabs.read(kept));
    this.recent = new Value(readPaths(load(this.key("recent"))));
    this.layout.subscribe(() => store(this.key("layout"), this.layout.get()));
    this.tabs.subscribe(() => {
      store(this.key("tabs"), this.tabs.get());
      this.noteShown(this.tabs.get().active);
    });
    this.recent.subscribe(() => store(this.key("recent"), this.recent.get()));
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

  /** Opens a file at a place of it, and gives it the keys. */
  openAt(path: WorkspacePath, spot: Spot): void {
    this.openFile(path);
    this.reveal.set({ path, ...spot });
  }

  toggleShown(path: WorkspacePath): void {
    const shown = new Set(this.shown.get());
    if (!shown.delete(path)) shown.add(path);
    this.shown.set(shown);
  }

  showSide(side: "files" | "search"): void {
    this.side.set(side);
    this.pane.set("files");
    if (!this.layout.get().tree) this.arrange({ tree: true });
  }

  focusEditor(): void {
    this.pane.set("code");
    this.editor?.focus();
  }

  focusTerminal(): void {
    this.pane.set("shell");
    if (!this.layout.get().terminal) this.arrange({ terminal: true });
    this.typeInto.set("any");
  }

  noteClosed(path: WorkspacePath): void {
    this.closed = [...this.closed.filter((p) => p !== path), path].slice(-MOST_RECENT);
  }

  /** The file whose tab was closed last, and is closed still. */
  lastClosed(): WorkspacePath | null {
    const { open } = this.tabs.get();
    return this.closed.findLast((p) => !open.includes(p)) ?? null;
  }

  private noteShown(path: WorkspacePath | null): void {
    if (path === null || this.recent.get()[0] === path) return;
    this.recent.update((all) => [path, ...all.filter((p) => p !== path)].slice(0, MOST_RECENT));
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
