/** Run or Stop, with what runs and for how long. */
import { Play, RotateCw, Square } from "lucide-react";
import { useEffect, useState } from "react";
import { Button, IconButton } from "../../ui/Button";
import { useValue } from "../../ui/useValue";
import { useKeysOf } from "../commands/useCommands";
import type { Actions } from "../edit/useActions";
import { useWorkspace } from "../edit/workspace";
import { elapsed, runWords } from "../words";

const SECOND_MS = 1_000;

export function RunButton({ actions }: { actions: Actions }) {
  const { session } = useWorkspace();
  const { run, startedAt } = useValue(session.run);
  const project = useValue(session.project);
  const role = useValue(session.role);
  const connected = useValue(session.socket.connection).state === "connected";
  const { busy } = actions;
  const keys = useKeysOf("run.start");
  const again = useKeysOf("run.restart");

  if (run.status === "running") {
    return (
      <div className="run-area">
        <Button
          look="stop"
          disabled={!connected || role === "viewer" || busy === "stop"}
          onClick={actions.stop}
        >
          <Square size={13} fill="currentColor" aria-hidden />
          {busy === "stop" ? "Stopping…" : "Stop"}
        </Button>
        <IconButton
          label="Restart"
          keys={again.text}
          aria-keyshortcuts={again.aria}
          disabled={!connected || role === "viewer" || busy !== null}
          onClick={actions.restart}
        >
          <RotateCw size={15} aria-hidden />
        </IconButton>
        <span className="run-words muted small" title={run.command}>
          {runWords(run)} · <Since startedAt={startedAt} />
        </span>
      </div>
    );
  }
  const why = blocked(connected, role === "viewer", project?.run_command ?? "");
  return (
    <div className="run-area">
      <Button
        look="run"
        disabled={why !== null || busy === "run"}
        title={why ?? (keys.text ? `Run (${keys.text})` : "Run")}
        aria-keyshortcuts={keys.aria}
        onClick={actions.run}
      >
        <Play size={14} fill="currentColor" aria-hidden />
        {busy === "run" ? "Starting…" : "Run"}
      </Button>
      <span className="run-words muted small" title={project?.run_command}>
        {run.status === "exited" ? `${runWords(run)} · ${elapsed(run.elapsed_ms)}` : project?.run_command}
      </span>
    </div>
  );
}

function blocked(connected: boolean, viewer: boolean, command: string): string | null {
  if (viewer) return "You may look at this repl, but not run it.";
  if (command === "") return "There is nothing to run: write a command under [run] in alcove.toml.";
  return connected ? null : "There is no connection yet.";
}

function Since({ startedAt }: { startedAt: number }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), SECOND_MS);
    return () => window.clearInterval(timer);
  }, []);
  return <span role="timer">{elapsed(now - startedAt)}</span>;
}
