/** A file of a state beside what it was before, or beside what it is now. */
import { useQueryClient } from "@tanstack/react-query";
import { ArrowLeft } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { addresses, words } from "../../api/client";
import type { HistoryState, WorkspacePath } from "../../api/protocol.gen";
import { useRepl } from "../../api/queries";
import { display } from "../../session/paths";
import { Button, IconButton } from "../../ui/Button";
import type { Content } from "./content";
import { bringBack, useContent } from "./queries";
import { timeOf } from "./tell";
import { useAct } from "./useAct";

const MergeText = lazy(() => import("./MergeText"));

interface FileDiffProps {
  id: string;
  state: HistoryState;
  path: WorkspacePath;
  onBack: () => void;
}

export function FileDiff({ id, state, path, onBack }: FileDiffProps) {
  const client = useQueryClient();
  const repl = useRepl(id);
  const [withNow, setWithNow] = useState(false);
  const { busy, problem, act } = useAct();
  const now = repl.data?.state.phase === "running" ? "now" : "latest";
  const then = useContent(id, state.number, path);
  const other = useContent(id, withNow ? now : state.since, path);
  const [old, fresh] = withNow ? [then, other] : [other, then];
  const restore = () => act(() => bringBack(client, id, state.number, path));
  const error = then.error ?? other.error;
  const isThere = then.data !== undefined && then.data.kind !== "absent";
  return (
    <>
      <header className="state-head">
        <IconButton label="Back to what changed" onClick={onBack}>
          <ArrowLeft size={16} aria-hidden />
        </IconButton>
        <h3 className="change-path">{display(path)}</h3>
      </header>
      <div className="row-gap state-acts">
        <fieldset className="compare">
          <legend className="sr">Compare {timeOf(state.at)} with</legend>
          {[false, true].map((choice) => (
            <label key={String(choice)}>
              <input
                type="radio"
                name="compare"
                checked={withNow === choice}
                onChange={() => setWithNow(choice)}
              />
              {choice ? "With now" : "With before"}
            </label>
          ))}
        </fieldset>
        {isThere && (
          <>
            <Button small look="primary" disabled={busy} onClick={() => void restore()}>
              Bring this file back
            </Button>
            <a
              className="btn small-btn"
              href={`${addresses.stateFile(id, state.number, path)}?download=true`}
              download
            >
              Download
            </a>
          </>
        )}
      </div>
      {problem && (
        <p className="bad-text" role="alert">
          {problem}
        </p>
      )}
      {error ? (
        <p role="alert" className="history-note">
          The file can’t be shown. {words(error)}{" "}
          <Button small onClick={() => void Promise.all([then.refetch(), other.refetch()])}>
            Try again
          </Button>
        </p>
      ) : old.data && fresh.data ? (
        <Compared old={old.data} fresh={fresh.data} path={path} withNow={withNow} />
      ) : (
        <div className="skeleton history-wait" aria-busy="true" />
      )}
    </>
  );
}

interface ComparedProps {
  old: Content;
  fresh: Content;
  path: WorkspacePath;
  withNow: boolean;
}

function Compared({ old, fresh, path, withNow }: ComparedProps) {
  const sides = [old, fresh];
  if (sides.some(({ kind }) => kind === "large")) {
    return <p className="history-note muted">This file has more than 1 MiB, too much to compare here.</p>;
  }
  if (sides.some(({ kind }) => kind === "binary")) {
    return <p className="history-note muted">This file is no text, and can’t be compared here.</p>;
  }
  const [before, after] = sides.map((side) => (side.kind === "text" ? side.text : ""));
  if (sides.every(({ kind }) => kind === "text") && before === after) {
    return (
      <p className="history-note muted">
        {withNow ? "It is the same now." : "Its text is the same; its permissions changed."}
      </p>
    );
  }
  return (
    <Suspense fallback={<div className="skeleton history-wait" aria-busy="true" />}>
      <MergeText before={before ?? ""} after={after ?? ""} path={path} />
    </Suspense>
  );
}
