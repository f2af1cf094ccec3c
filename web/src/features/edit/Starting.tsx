/** Before the repl is there for the first time: what is being done, or why it could not be done. */
import { Link } from "wouter";
import type { Repl } from "../../api/protocol.gen";
import { Button } from "../../ui/Button";
import { useValue } from "../../ui/useValue";
import { keptWords, startingWords } from "../words";
import { useActions } from "./useActions";
import { useWorkspace } from "./workspace";

export function Starting({ repl }: { repl: Repl }) {
  const { session } = useWorkspace();
  const connection = useValue(session.socket.connection);
  const { wake, busy } = useActions();
  const { state } = repl;
  const closed = connection.state === "closed" && busy !== "wake";
  return (
    <main className="center-note whole">
      {closed ? <Ended repl={repl} wake={wake} /> : <Progress state={state} name={repl.name} />}
      <Link href="/">Your repls</Link>
    </main>
  );
}

function Ended({ repl, wake }: { repl: Repl; wake: () => void }) {
  const failed = repl.state.phase === "failed";
  return (
    <div className="center-note" role="alert">
      <h1 className={failed ? "bad-text" : ""}>
        {failed ? `${repl.name} failed` : `${repl.name} is asleep`}
      </h1>
      <p>
        {repl.state.detail} {keptWords(repl.state.saved)}
      </p>
      <Button look="primary" onClick={wake}>
        {failed ? "Start again" : "Start"}
      </Button>
      <Link className="btn" href={`/r/${repl.id}/code`}>
        Look at the code
      </Link>
    </div>
  );
}

function Progress({ state, name }: { state: Repl["state"]; name: string }) {
  const { title, text, part } = startingWords(state.phase === "starting" ? state : undefined);
  return (
    <div className="center-note" role="status">
      <h1>
        {title} <span className="muted">· {name}</span>
      </h1>
      <p>{text}</p>
      {part !== null && <progress aria-label="Progress" value={part} max={1} />}
    </div>
  );
}
