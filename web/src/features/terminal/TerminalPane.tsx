/** One terminal in its pane, and what keeps the panes to the terminals that there are. */
import { lazy, Suspense, useEffect, useRef } from "react";
import { words } from "../../api/client";
import type { RunState, TerminalInfo } from "../../api/protocol.gen";
import { MAIN_RUN, type RunView } from "../../session/session";
import { Button } from "../../ui/Button";
import { complain } from "../../ui/toasts";
import { useValue } from "../../ui/useValue";
import { loadTerminalView } from "../edit/ahead";
import type { Actions } from "../edit/useActions";
import { useWorkspace } from "../edit/workspace";
import { type PaneId, withTerminals } from "../panes/layout";
import { hasFailed } from "../run/names";
import { endedWords, failureWords } from "../words";
import { openTerminal, replaceTerminal } from "./openTerminal";

/** The emulator is a third of the edit screen's code, and nothing of it is needed to edit. */
const TerminalView = lazy(loadTerminalView);

/** Terminals are those of the server, so that a reload finds them again: each has a pane. */
export function useTerminals(): void {
  const { session, bench } = useWorkspace();
  const list = useValue(session.terminals.list);
  const known = useValue(session.terminals.known);
  const life = useValue(session.terminals.life);
  const mayChange = useValue(session.role) !== "viewer";
  const isShown = useValue(bench.layout).shown.terminal;
  const { run } = useValue(session.run);

  useEffect(() => {
    if (!known) return;
    bench.layout.update((layout) =>
      withTerminals(
        layout,
        list.map((t) => t.terminal),
      ),
    );
  }, [known, list, bench]);

  // The first page that comes gets a shell; a person who closes the last one wants none.
  const provided = useRef<number | null>(null);
  useEffect(() => {
    if (!known || !isShown || provided.current === life) return;
    provided.current = life;
    if (list.length > 0 || !mayChange) return;
    const { cols, rows } = bench.terminalSize;
    session.terminals.create(cols, rows).catch((error: unknown) => complain(words(error)));
  }, [known, isShown, life, list, mayChange, session, bench]);

  // A program's output is shown when it starts; the keys go there too when it has no page to show.
  const running = run.status === "running" ? run.terminal : null;
  const before = useRef(running);
  useEffect(() => {
    if (running !== null && before.current !== running) {
      bench.showTerminal(running);
      if (session.project.get()?.run_port === null) bench.typeInto.set(running);
    }
    before.current = running;
  }, [running, session, bench]);
}

export function TerminalPane({ pane, id, actions }: { pane: PaneId; id: number; actions: Actions }) {
  const workspace = useWorkspace();
  const { session } = workspace;
  const info = useValue(session.terminals.list).find((t) => t.terminal === id);
  const connected = useValue(session.socket.connection).state === "connected";
  const mayChange = useValue(session.role) !== "viewer";
  const restart = () => void replaceTerminal(workspace, id);
  return (
    <div className="shell-panel" role="tabpanel" aria-label="Terminal screen">
      {info ? (
        <>
          <Ended info={info} actions={actions} restart={restart} enabled={connected && mayChange} />
          <Suspense fallback={<div className="terminal-view" />}>
            <TerminalView pane={pane} info={info} />
          </Suspense>
        </>
      ) : (
        <p className="center-note muted">The terminals come with the connection.</p>
      )}
    </div>
  );
}

export function NoTerminal() {
  const workspace = useWorkspace();
  const { session } = workspace;
  const known = useValue(session.terminals.known);
  const connected = useValue(session.socket.connection).state === "connected";
  const mayChange = useValue(session.role) !== "viewer";
  return (
    <div className="center-note">
      <p>{known ? "No terminal is open." : "The terminals come with the connection."}</p>
      {known && mayChange && (
        <Button disabled={!connected} onClick={() => void openTerminal(workspace)}>
          Open a terminal
        </Button>
      )}
    </div>
  );
}

/** The run configuration whose program is, or was, in a terminal. */
function runOf(runs: ReadonlyMap<string, RunView>, terminal: number): [string, RunState | null] {
  for (const [name, { run }] of runs)
    if (run.status !== "idle" && run.terminal === terminal) return [name, run];
  return [MAIN_RUN, null];
}

interface EndedProps {
  info: TerminalInfo;
  actions: Actions;
  restart: () => void;
  enabled: boolean;
}

function Ended({ info, actions, restart, enabled }: EndedProps) {
  const { session } = useWorkspace();
  const runs = useValue(session.runs);
  const code = info.exit_code;
  if (code === null) return null;
  if (info.kind === "clone") {
    return (
      <div className={`bar ${code !== 0 ? "bad" : ""}`} role="status" aria-label="Clone ended">
        <span>
          {code === 0
            ? "The repository is here."
            : "The repository could not be fetched. Mend the address or the access, and import it again."}
        </span>
      </div>
    );
  }
  if (info.kind === "shell") {
    return (
      <div className="bar" role="status" aria-label="Terminal ended">
        <span>{code === 0 ? "The shell ended." : `The shell ended with exit code ${code}.`}</span>
        <Button small disabled={!enabled} onClick={restart}>
          Restart
        </Button>
      </div>
    );
  }
  const [name, run] = runOf(runs, info.terminal);
  const ended = run?.status === "exited" ? run : null;
  const failed = ended ? hasFailed(ended) : code !== 0;
  return (
    <div className={`bar ${failed ? "bad" : ""}`} role="status" aria-label="Program ended">
      <span>{ended ? endedWords(ended) : `The program ${failureWords(code)}.`}</span>
      <Button
        small
        disabled={!enabled || run?.status === "running"}
        onClick={() => (name === MAIN_RUN ? actions.run() : actions.runNamed(name))}
      >
        Run again
      </Button>
    </div>
  );
}
