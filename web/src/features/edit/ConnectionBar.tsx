/** Thin bars below the top bar: what is wrong with the whole repl, what it means for the work, what to do. */
import { Link } from "wouter";
import type { Repl } from "../../api/protocol.gen";
import { Button } from "../../ui/Button";
import { Ticked } from "../../ui/Ticked";
import { useOnline } from "../../ui/useOnline";
import { useValue } from "../../ui/useValue";
import { CrashBar } from "../run/CrashBar";
import {
  closedWords,
  openingWords,
  progressWords,
  refusedWords,
  restoringWords,
  usageWords,
  waitingWords,
} from "../words";
import { FirstOpen } from "./FirstOpen";
import { IdleBar } from "./IdleBar";
import { LimitBar } from "./LimitBar";
import type { Actions } from "./useActions";
import { useWorkspace } from "./workspace";

export function ConnectionBar({ repl, actions }: { repl: Repl; actions: Actions }) {
  const { session, bench } = useWorkspace();
  const connection = useValue(session.socket.connection);
  const { waiting: edits } = useValue(session.documents.summary);
  const keys = useValue(session.terminals.waiting);
  const project = useValue(session.project);
  const role = useValue(session.role);
  const { saved, phase, detail, progress } = repl.state;

  const wasLive = useValue(session.wasLive);
  const online = useOnline();
  const attempt = "attempt" in connection ? connection.attempt : 0;
  const lost = connection.state === "connecting" || connection.state === "waiting";
  const restoring = phase === "starting" && progress ? ` ${progressWords(progress)} are back.` : "";
  const usage = saved.state === "partly" ? null : usageWords(repl.state.usage, "This repl holds");
  const dependencies = restoringWords(repl.state);
  return (
    <div className="bars">
      {lost && (
        <div className={wasLive ? "bar warn" : "bar"} role="status" aria-label="Connection">
          <span className="dot warn" aria-hidden />
          <span>
            {wasLive ? waitingWords(edits, keys, attempt, online) : openingWords(repl.state, edits, online)}
            {wasLive && restoring}
          </span>
          {online && (
            <Button small onClick={() => session.socket.nudge()} disabled={connection.state === "connecting"}>
              Try now
            </Button>
          )}
        </div>
      )}
      {connection.state === "closed" && (
        <div className="bar bad" role="alert">
          <span>
            {closedWords(connection.reason, phase)} {detail ?? connection.message}{" "}
            {edits > 0 && "Your edits are kept in this page and come in when it starts."}
          </span>
          <Button small look="primary" disabled={actions.busy === "wake"} onClick={actions.wake}>
            {actions.busy === "wake" ? "Starting…" : phase === "failed" ? "Start again" : "Start"}
          </Button>
          {phase === "failed" && (
            <Link className="btn small-btn" href={`/r/${repl.id}/code`}>
              Look at the code
            </Link>
          )}
        </div>
      )}
      {dependencies !== null && (
        <div className="bar" role="status" aria-label="Dependencies">
          <span>{dependencies}</span>
        </div>
      )}
      {saved.state === "failing" && (
        <div className="bar warn" role="status" aria-label="Saving">
          <span className="dot warn" aria-hidden />
          <span>
            The store can’t be written: {saved.message} Your files are on the machine’s disk; saving is tried
            again.
          </span>
          <Button small onClick={actions.save}>
            Try now
          </Button>
        </div>
      )}
      {saved.state === "partly" && (
        <div className="bar bad" role="status" aria-label="Quota">
          <span className="dot bad" aria-hidden />
          <span>
            <Ticked text={saved.message} /> <code>{refusedWords(saved.paths, saved.files)}</code>
          </span>
        </div>
      )}
      {usage?.near && (
        <div className="bar warn" role="status" aria-label="Quota">
          <span className="dot warn" aria-hidden />
          <span>{usage.text}</span>
        </div>
      )}
      {project?.error && (
        <div className="bar warn" role="status" aria-label="Project file">
          <span className="dot warn" aria-hidden />
          <span>alcove.toml can’t be used: {project.error}</span>
          <Button small onClick={() => bench.openFile("alcove.toml")}>
            Open alcove.toml
          </Button>
        </div>
      )}
      <IdleBar repl={repl} />
      <LimitBar repl={repl} />
      <CrashBar actions={actions} />
      <FirstOpen repl={repl} />
      {role === "viewer" && (
        <div className="bar" role="note">
          <span>You may look at this repl, but not change it.</span>
        </div>
      )}
    </div>
  );
}
