/** The program failed, and its terminal is not on the screen: how, its last words, and what to do. */
import { X } from "lucide-react";
import { useEffect, useState } from "react";
import type { RunState, TerminalInfo } from "../../api/protocol.gen";
import { Button, IconButton } from "../../ui/Button";
import { useValue } from "../../ui/useValue";
import type { Actions } from "../edit/useActions";
import { useWorkspace } from "../edit/workspace";
import { terminalId } from "../panes/layout";
import { type Exited, endedWords } from "../words";
import { lastLines } from "./lastLines";
import { hasFailed } from "./names";

const MOST_LINES = 3;

export function CrashBar({ actions }: { actions: Actions }) {
  const { session, bench } = useWorkspace();
  const { run } = useValue(session.run);
  const terminal = useValue(session.terminals.list).find(
    (t) => run.status !== "idle" && t.terminal === run.terminal,
  );
  const onScreen = useValue(bench.onScreen);
  const [seen, setSeen] = useState<RunState | null>(null);
  if (!hasFailed(run) || seen === run) return null;
  if (onScreen.length === 0 || onScreen.includes(terminalId(run.terminal))) return null;
  return (
    <Crashed
      key={run.terminal}
      run={run}
      terminal={terminal}
      actions={actions}
      onClose={() => setSeen(run)}
    />
  );
}

interface CrashedProps {
  run: Exited;
  /** Undefined when it was closed. */
  terminal: TerminalInfo | undefined;
  actions: Actions;
  onClose: () => void;
}

function Crashed({ run, terminal, actions, onClose }: CrashedProps) {
  const { session, bench } = useWorkspace();
  const connected = useValue(session.socket.connection).state === "connected";
  const mayChange = useValue(session.role) !== "viewer";
  const lines = useLastLines(run, terminal);
  return (
    <div className="bar bad crash" role="status" aria-label="Program failed">
      <span>
        {endedWords(run)}
        {lines.length > 0 && <output className="last-lines">{lines.join("\n")}</output>}
      </span>
      {terminal && (
        <Button
          small
          onClick={() => {
            bench.pane.set("shell");
            bench.showTerminal(terminal.terminal);
          }}
        >
          Show output
        </Button>
      )}
      {mayChange && (
        <Button small disabled={!connected || actions.busy === "run"} onClick={actions.run}>
          Run again
        </Button>
      )}
      <IconButton label="Hide this" onClick={onClose}>
        <X size={14} aria-hidden />
      </IconButton>
    </div>
  );
}

function useLastLines(run: Exited, terminal: TerminalInfo | undefined): string[] {
  const { session } = useWorkspace();
  const [lines, setLines] = useState<string[]>([]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: What was written last is another thing after each run.
  useEffect(() => {
    if (!terminal) return;
    let late = false;
    session.terminals
      .peek(terminal)
      .then((bytes) => lastLines(bytes, terminal, MOST_LINES))
      .then(
        (found) => !late && setLines(found),
        // Without them, the bar says what it can.
        () => {},
      );
    return () => {
      late = true;
    };
  }, [session, terminal?.terminal, run]);
  return lines;
}
