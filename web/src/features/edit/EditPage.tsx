/** The edit screen: finds the repl, connects, and shows the workbench once it is there. */
import "../../styles/edit.css";
import "../../styles/panes.css";
import "../../styles/viewer.css";
import "../../styles/upload.css";
import "../../styles/picker.css";
import "../../styles/search.css";
import { useEffect, useState } from "react";
import { ApiProblem, words } from "../../api/client";
import { useReplEvents } from "../../api/events";
import type { Me, Repl } from "../../api/protocol.gen";
import { useMe, useRepl } from "../../api/queries";
import { NotFound } from "../../app/NotFound";
import { useLoadedSettings } from "../../app/useLoadedSettings";
import { Button } from "../../ui/Button";
import { useValue } from "../../ui/useValue";
import { Starting } from "./Starting";
import { useConnection } from "./useConnection";
import { Workbench } from "./Workbench";
import { WorkspaceContext, workspaceOf } from "./workspace";

export default function EditPage({ id }: { id: string }) {
  const me = useMe();
  const repl = useRepl(id);
  useLoadedSettings(me.isSuccess);
  const gone = repl.error instanceof ApiProblem && repl.error.status === 404;
  useReplEvents(id, repl.isSuccess && !gone);
  if (gone) return <NotFound what="repl" />;
  if (me.data && repl.data) return <Workspace me={me.data} repl={repl.data} />;
  const error = repl.error ?? me.error;
  if (!error) return <p className="center-note muted whole">Opening…</p>;
  return (
    <main className="center-note whole" role="alert">
      <h1>The repl can’t be opened</h1>
      <p>{words(error)}</p>
      <Button
        look="primary"
        onClick={() => {
          void repl.refetch();
          void me.refetch();
        }}
      >
        Try again
      </Button>
    </main>
  );
}

function Workspace({ me, repl }: { me: Me; repl: Repl }) {
  const [workspace] = useState(() => workspaceOf(repl.id, me.name));
  useConnection(workspace, repl);
  const project = useValue(workspace.session.project);
  const { bench } = workspace;
  useEffect(() => {
    document.title = `${repl.name} · Alcove`;
  }, [repl.name]);
  useEffect(() => {
    if (project) bench.welcome(project);
  }, [bench, project]);
  return (
    <WorkspaceContext value={workspace}>
      {project ? <Workbench me={me} repl={repl} /> : <Starting repl={repl} />}
    </WorkspaceContext>
  );
}
