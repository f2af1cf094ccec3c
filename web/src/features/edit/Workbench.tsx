/** The panes of the edit screen, and the bars between them. */
import { lazy, Suspense, useEffect, useState } from "react";
import type { Me, Repl } from "../../api/protocol.gen";
import { ErrorBoundary } from "../../app/ErrorBoundary";
import { Splitter } from "../../ui/Splitter";
import { useValue } from "../../ui/useValue";
import { CommandsContext, useCommandList, useKeys } from "../commands/useCommands";
import { EditorPane } from "../editor/EditorPane";
import { PreviewPane } from "../preview/PreviewPane";
import { usePorts } from "../preview/usePorts";
import { SearchPane } from "../search/SearchPane";
import { TerminalPane } from "../terminal/TerminalPane";
import { FilesPane } from "../tree/FilesPane";
import { ConnectionBar } from "./ConnectionBar";
import { Dock } from "./Dock";
import { StatusBar } from "./StatusBar";
import { TopBar } from "./TopBar";
import { useActions } from "./useActions";
import { useWorkspace } from "./workspace";

const Keys = lazy(() => import("../commands/KeysDialog"));
const loadPalette = () => import("../commands/Palette");
/** It is not needed to edit; fetched once the page is at rest, it opens at once. */
const Palette = lazy(loadPalette);
const REST_MS = 1_500;

/** Lines of text need more room than names. */
const SEARCH_PX = 320;
const LEAST = { tree: 140, editor: 240, terminal: 80, preview: 220, code: 100 };

function useWindowSize(): { width: number; height: number } {
  const [size, setSize] = useState({ width: window.innerWidth, height: window.innerHeight });
  useEffect(() => {
    const measure = () => setSize({ width: window.innerWidth, height: window.innerHeight });
    window.addEventListener("resize", measure);
    return () => window.removeEventListener("resize", measure);
  }, []);
  return size;
}

const within = (value: number, min: number, max: number) =>
  Math.max(min, Math.min(Math.max(min, max), value));

export function Workbench({ me, repl }: { me: Me; repl: Repl }) {
  const { bench } = useWorkspace();
  const layout = useValue(bench.layout);
  const side = useValue(bench.side);
  const keysOpen = useValue(bench.keysOpen);
  const pane = useValue(bench.pane);
  const { width, height } = useWindowSize();
  const actions = useActions();
  const commands = useCommandList(actions);
  useKeys(commands);
  usePorts();

  useEffect(() => {
    // What fails here is tried again when it is opened.
    const timer = window.setTimeout(() => void loadPalette().catch(() => {}), REST_MS);
    return () => window.clearTimeout(timer);
  }, []);

  const previewMax = width - LEAST.editor - (layout.tree ? LEAST.tree : 0);
  const previewWidth = within(layout.previewShare * width, LEAST.preview, previewMax);
  const treeMax = width - LEAST.editor - (layout.preview ? previewWidth : 0);
  const treeWidth = within(
    side === "search" ? Math.max(layout.treeWidth, SEARCH_PX) : layout.treeWidth,
    LEAST.tree,
    treeMax,
  );
  const terminalMax = height - 110 - LEAST.code;
  const terminalHeight = within(layout.terminalHeight, LEAST.terminal, terminalMax);

  return (
    <CommandsContext value={commands}>
      <div className="app" data-shown={pane}>
        <TopBar repl={repl} me={me} actions={actions} />
        <ConnectionBar repl={repl} actions={actions} />
        <main className="main">
          {layout.tree && (
            <>
              <section
                className="pane files"
                data-pane={side}
                aria-label={side === "files" ? "Files" : "Search"}
                style={{ flexBasis: treeWidth }}
              >
                <ErrorBoundary key={side} part={side === "files" ? "The file list" : "The search"}>
                  {side === "files" ? <FilesPane /> : <SearchPane />}
                </ErrorBoundary>
              </section>
              <Splitter
                label={side === "files" ? "Width of the file list" : "Width of the search"}
                orientation="vertical"
                value={treeWidth}
                min={side === "search" ? Math.min(SEARCH_PX, treeMax) : LEAST.tree}
                max={treeMax}
                onChange={(value) => bench.arrange({ treeWidth: value })}
              />
            </>
          )}
          <div className="center">
            <section className="pane code" data-pane="editor" aria-label="Editor">
              <ErrorBoundary part="The editor">
                <EditorPane />
              </ErrorBoundary>
            </section>
            {layout.terminal && (
              <>
                <Splitter
                  label="Height of the terminal"
                  orientation="horizontal"
                  value={terminalHeight}
                  min={LEAST.terminal}
                  max={terminalMax}
                  after
                  onChange={(value) => bench.arrange({ terminalHeight: value })}
                />
                <section
                  className="pane shell"
                  data-pane="terminal"
                  aria-label="Terminal"
                  style={{ flexBasis: terminalHeight }}
                >
                  <ErrorBoundary part="The terminal">
                    <TerminalPane actions={actions} />
                  </ErrorBoundary>
                </section>
              </>
            )}
          </div>
          {layout.preview && (
            <>
              <Splitter
                label="Width of the preview"
                orientation="vertical"
                value={previewWidth}
                min={LEAST.preview}
                max={previewMax}
                after
                onChange={(value) => bench.arrange({ previewShare: value / width })}
              />
              <section
                className="pane preview"
                data-pane="preview"
                aria-label="Preview"
                style={{ flexBasis: previewWidth }}
              >
                <ErrorBoundary part="The preview">
                  <PreviewPane actions={actions} />
                </ErrorBoundary>
              </section>
            </>
          )}
        </main>
        <StatusBar repl={repl} />
        <Dock />
      </div>
      <ErrorBoundary part="The palette">
        <Suspense fallback={null}>
          <Palette />
          {keysOpen && <Keys />}
        </Suspense>
      </ErrorBoundary>
    </CommandsContext>
  );
}
