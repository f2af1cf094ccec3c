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
import { useMe, useRepl, useTemplates } from "../../api/queries";
import { NotFound } from "../../app/NotFound";
import { useLoadedSettings } from "../../app/useLoadedSettings";
import { readHead, writeHead } from "../../kept/database";
import { Button } from "../../ui/Button";
import { useValue } from "../../ui/useValue";
import { useImport } from "../import/useImport";
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
  const kept = useHead(id, me.data, repl.data);
  if (gone) return <NotFound what="repl" />;
  const head = me.data && repl.data ? { me: me.data, repl: repl.data } : kept;
  if (head) return <Workspace key={head.me.id} {...head} isKnown={head !== kept} />;
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

/** Who and what it was when this browser was here last, while the server has not said it anew. */
function useHead(id: string, me: Me | undefined, repl: Repl | undefined): { me: Me; repl: Repl } | null {
  const [kept, setKept] = useState<{ me: Me; repl: Repl } | null>(null);
  useEffect(() => {
    void readHead(id).then(setKept);
  }, [id]);
  useEffect(() => {
    if (me && repl) void writeHead(me, repl);
  }, [me, repl]);
  return kept && me && kept.me.id !== me.id ? null : kept;
}

/** `isKnown`: the server has said what the repl is; until then it is as it was. */
function Workspace({ me, repl, isKnown }: { me: Me; repl: Repl; isKnown: boolean }) {
  const [workspace] = useState(() => workspaceOf(repl.id, me));
  useConnection(workspace, repl, isKnown);
  useImport(workspace);
  const project = useValue(workspace.session.project);
  const { bench } = workspace;
  useEffect(() => {
    document.title = `${repl.name} · Alcove`;
  }, [repl.name]);
  const wasLive = useValue(workspace.session.wasLive);
  // Asked for while the repl starts: what is said of it then comes without a jump.
  useTemplates(useValue(bench.isNew));
  useEffect(() => {
    if (project && wasLive) bench.welcome(project);
  }, [bench, project, wasLive]);
  return (
    <WorkspaceContext value={workspace}>
      {project ? <Workbench me={me} repl={repl} /> : <Starting repl={repl} />}
    </WorkspaceContext>
  );
}
