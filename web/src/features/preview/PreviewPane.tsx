/** What the program serves, in a frame of another origin, with its address. */
import { ExternalLink, RotateCw } from "lucide-react";
import { useEffect, useState } from "react";
import { api, words } from "../../api/client";
import { Button, IconButton } from "../../ui/Button";
import { complain } from "../../ui/toasts";
import { useValue } from "../../ui/useValue";
import type { PreviewWish } from "../edit/bench";
import type { Actions } from "../edit/useActions";
import { useWorkspace } from "../edit/workspace";
import { AddressBar } from "./AddressBar";

export function PreviewPane({ actions }: { actions: Actions }) {
  const { id, session, bench } = useWorkspace();
  const wish = useValue(bench.preview);
  const ports = (useValue(session.ports) ?? []).map((p) => p.port);
  const listens = wish !== null && ports.includes(wish.port);

  const openInTab = () => {
    if (!wish) return;
    // Opened at once, or the browser would take it for a pop-up that nobody asked for.
    const tab = window.open("about:blank", "_blank");
    if (tab) tab.opener = null;
    api.preview(id, { port: wish.port, path: wish.path }).then(
      ({ url }) => {
        if (tab) tab.location.href = url;
        else complain("The browser did not open a tab. Allow pop-ups for this page, then try it again.");
      },
      (error: unknown) => {
        tab?.close();
        complain(words(error));
      },
    );
  };

  return (
    <>
      <div className="preview-bar">
        <IconButton
          label="Reload preview"
          disabled={!listens}
          onClick={() => wish && bench.showPreview(wish.port, wish.path)}
        >
          <RotateCw size={15} aria-hidden />
        </IconButton>
        <AddressBar wish={wish} ports={ports} />
        <IconButton label="Open in new tab" disabled={!listens} onClick={openInTab}>
          <ExternalLink size={15} aria-hidden />
        </IconButton>
      </div>
      {wish && listens ? <Frame wish={wish} /> : <Nothing wish={wish} ports={ports} actions={actions} />}
    </>
  );
}

/** How long a page waits until the browser is known on the other ports, which it may call at once. */
const PLANTED_MS = 2_000;

type Address = { load: number; url: string } | { load: number; error: string };

function Frame({ wish }: { wish: PreviewWish }) {
  const { id, session, bench, planter } = useWorkspace();
  const { port, path, load } = wish;
  const ports = useValue(session.ports);
  const life = useValue(session.terminals.life);
  const [address, setAddress] = useState<Address | null>(null);
  useEffect(() => {
    let late = false;
    const planted = Promise.race([planter.beside(port), new Promise((done) => setTimeout(done, PLANTED_MS))]);
    // The address holds a ticket for one use: each load from scratch needs its own.
    Promise.all([api.preview(id, { port, path }), planted]).then(
      ([{ url }]) => !late && setAddress({ load, url }),
      (error: unknown) => !late && setAddress({ load, error: words(error) }),
    );
    return () => {
      late = true;
    };
  }, [id, planter, port, path, load]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: The planter reads the ports and the life itself.
  useEffect(() => {
    void planter.beside(port);
  }, [planter, port, ports, life]);

  if (!address) return <p className="center-note muted">Opening port {port}…</p>;
  if ("error" in address) {
    return (
      <div className="center-note" role="alert">
        <h2>The preview can’t be opened</h2>
        <p>{address.error}</p>
        <Button onClick={() => bench.showPreview(port, path)}>Try again</Button>
      </div>
    );
  }
  return (
    <iframe
      key={address.load}
      title={`Preview of port ${port}`}
      src={address.url}
      allow="clipboard-read; clipboard-write; fullscreen"
      referrerPolicy="no-referrer"
    />
  );
}

function Nothing({ wish, ports, actions }: { wish: PreviewWish | null; ports: number[]; actions: Actions }) {
  const { session, bench } = useWorkspace();
  const { run } = useValue(session.run);
  const project = useValue(session.project);
  const expected = wish?.port ?? project?.run_port ?? null;
  return (
    <div className="center-note">
      <h2>{expected === null ? "Nothing listens yet" : `Nothing on port ${expected} yet`}</h2>
      <p>
        This opens by itself when your program listens.
        {ports.length > 0 && ` Listening now: ${ports.join(", ")}.`}
      </p>
      <div className="row-gap">
        {ports.slice(0, 3).map((port) => (
          <Button key={port} onClick={() => bench.showPreview(port)}>
            Open {port}
          </Button>
        ))}
        {run.status !== "running" && project?.run_command !== "" && session.mayChange && (
          <Button onClick={actions.run}>Run the program</Button>
        )}
      </div>
    </div>
  );
}
