/** The edit screen: its bars, its panes, and what opens over them. */
import { lazy, Suspense, useEffect } from "react";
import type { Me, Repl } from "../../api/protocol.gen";
import { ErrorBoundary } from "../../app/ErrorBoundary";
import { useValue } from "../../ui/useValue";
import { CommandsContext, useCommandList, useKeys } from "../commands/useCommands";
import { Panes } from "../panes/Panes";
import { usePorts } from "../preview/usePorts";
import { signOutAsked } from "../sign-in/asked";
import { KeyRow } from "../terminal/KeyRow";
import { useTerminals } from "../terminal/TerminalPane";
import { ConnectionBar } from "./ConnectionBar";
import { Dock } from "./Dock";
import { StatusBar } from "./StatusBar";
import { TopBar } from "./TopBar";
import { useActions } from "./useActions";
import { useLostKeys } from "./useLostKeys";
import { useSeenArea } from "./useSeenArea";
import { useWorkspace } from "./workspace";

const Keys = lazy(() => import("../commands/KeysDialog"));
const SignOut = lazy(() => import("../dashboard/SignOut").then((m) => ({ default: m.SignOut })));
const loadPalette = () => import("../commands/Palette");
/** It is not needed to edit; fetched once the page is at rest, it opens at once. */
const Palette = lazy(loadPalette);
const REST_MS = 1_500;

export function Workbench({ me, repl }: { me: Me; repl: Repl }) {
  const { bench } = useWorkspace();
  const keysOpen = useValue(bench.keysOpen);
  const signingOut = useValue(signOutAsked);
  const actions = useActions();
  const commands = useCommandList(actions);
  useKeys(commands);
  usePorts();
  useTerminals();
  useSeenArea();
  useLostKeys();

  useEffect(() => {
    // What fails here is tried again when it is opened.
    const timer = window.setTimeout(() => void loadPalette().catch(() => {}), REST_MS);
    return () => window.clearTimeout(timer);
  }, []);

  return (
    <CommandsContext value={commands}>
      <div className="app">
        <TopBar repl={repl} me={me} actions={actions} />
        <ConnectionBar repl={repl} actions={actions} />
        <Panes actions={actions} />
        <StatusBar repl={repl} />
        <KeyRow />
        <Dock />
      </div>
      <ErrorBoundary part="The palette">
        <Suspense fallback={null}>
          <Palette />
          {keysOpen && <Keys />}
          {signingOut && <SignOut onAnswer={() => signOutAsked.set(false)} />}
        </Suspense>
      </ErrorBoundary>
    </CommandsContext>
  );
}
