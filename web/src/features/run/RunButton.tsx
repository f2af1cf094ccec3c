/** Run or Stop, with what runs and for how long. */
import { ChevronDown, Play, RotateCw, Square } from "lucide-react";
import { lazy, Suspense, useCallback, useEffect, useState } from "react";
import { Button, IconButton } from "../../ui/Button";
import { Menu, type MenuItem, type Point } from "../../ui/Menu";
import { useValue } from "../../ui/useValue";
import { useKeysOf } from "../commands/useCommands";
import type { Actions } from "../edit/useActions";
import { useWorkspace } from "../edit/workspace";
import { useNarrow } from "../panes/useSize";
import { elapsed, runWords } from "../words";
import { hasFailed, isRunning, namesToRun } from "./names";
import { runFormOpen } from "./open";

const SECOND_MS = 1_000;
const RunForm = lazy(() => import("./RunForm"));

export function RunButton({ actions }: { actions: Actions }) {
  const formOpen = useValue(runFormOpen);
  return (
    <>
      <Main actions={actions} />
      {formOpen && (
        <Suspense fallback={null}>
          <RunForm />
        </Suspense>
      )}
    </>
  );
}

function Main({ actions }: { actions: Actions }) {
  const { session } = useWorkspace();
  const { run, startedAt } = useValue(session.run);
  const project = useValue(session.project);
  const role = useValue(session.role);
  const connected = useValue(session.socket.connection).state === "connected";
  const { busy } = actions;
  const narrow = useNarrow();
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
        {!narrow && (
          <IconButton
            label="Restart"
            keys={again.text}
            aria-keyshortcuts={again.aria}
            disabled={!connected || role === "viewer" || busy !== null}
            onClick={actions.restart}
          >
            <RotateCw size={15} aria-hidden />
          </IconButton>
        )}
        <Others actions={actions} />
        <span className="run-words muted small" title={run.command}>
          <span>{runWords(run)}</span>
          <Since startedAt={startedAt} />
        </span>
      </div>
    );
  }
  const why = blocked(connected, role === "viewer");
  if (project?.run_command === "" && project.error === null && why === null) {
    return (
      <div className="run-area">
        <Button look="run" onClick={() => runFormOpen.set(true)}>
          <Play size={14} fill="currentColor" aria-hidden />
          Set up Run
        </Button>
        <Others actions={actions} />
      </div>
    );
  }
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
        {busy === "run" ? "Starting…" : hasFailed(run) && !narrow ? "Run again" : "Run"}
      </Button>
      <Others actions={actions} />
      <span className="run-words muted small" title={project?.run_command}>
        <span>
          {run.status === "exited" ? `${runWords(run)} · ${elapsed(run.elapsed_ms)}` : project?.run_command}
        </span>
      </span>
    </div>
  );
}

function blocked(connected: boolean, viewer: boolean): string | null {
  if (viewer) return "You may look at this repl, but not run it.";
  return connected ? null : "There is no connection yet.";
}

/** What else can be run, and the form for it; on a phone, where the bar is the name's, Restart as well. */
function Others({ actions }: { actions: Actions }) {
  const { session } = useWorkspace();
  const project = useValue(session.project);
  const runs = useValue(session.runs);
  const role = useValue(session.role);
  const connected = useValue(session.socket.connection).state === "connected";
  const [menu, setMenu] = useState<Point | null>(null);
  const close = useCallback(() => setMenu(null), []);
  const narrow = useNarrow();
  const { run } = useValue(session.run);
  if (role === "viewer" || !project) return null;
  const named: MenuItem[] = namesToRun(project, runs).map((name) =>
    isRunning(runs, name)
      ? { label: `Stop ${name}`, icon: <Square size={13} aria-hidden />, run: () => actions.stopNamed(name) }
      : { label: `Run ${name}`, icon: <Play size={13} aria-hidden />, run: () => actions.runNamed(name) },
  );
  const items: MenuItem[] = [
    ...named,
    { label: "Edit run configurations…", run: () => runFormOpen.set(true) },
  ];
  if (narrow && run.status === "running") {
    items.unshift({ label: "Restart", icon: <RotateCw size={13} aria-hidden />, run: actions.restart });
  }
  return (
    <>
      <IconButton
        label="More to run"
        disabled={!connected}
        aria-haspopup="menu"
        aria-expanded={menu !== null}
        onClick={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          setMenu({ x: box.left, y: box.bottom + 4 });
        }}
      >
        <ChevronDown size={15} aria-hidden />
      </IconButton>
      {menu && <Menu label="More to run" at={menu} items={items} onClose={close} />}
    </>
  );
}

function Since({ startedAt }: { startedAt: number }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), SECOND_MS);
    return () => window.clearInterval(timer);
  }, []);
  return <span role="timer"> · {elapsed(now - startedAt)}</span>;
}
