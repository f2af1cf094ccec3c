/** What the program serves, in a frame of another origin, with its address. */
import { ArrowLeft, ArrowRight, ExternalLink, RotateCw, SquareTerminal } from "lucide-react";
import type { ReactNode } from "react";
import { api, words } from "../../api/client";
import { Button, IconButton } from "../../ui/Button";
import { complain } from "../../ui/toasts";
import { useValue } from "../../ui/useValue";
import type { PreviewWish } from "../edit/bench";
import type { Actions } from "../edit/useActions";
import { useWorkspace } from "../edit/workspace";
import { useNarrow } from "../panes/useSize";
import { hasFailed } from "../run/names";
import { endedWords } from "../words";
import { AddressBar } from "./AddressBar";
import { ConsoleStrip } from "./ConsoleStrip";
import { DeviceButton } from "./DeviceButton";
import { Frame } from "./Frame";
import { canGo } from "./journey";

/** `grip`: what moves the pane, when it has no tab for that. */
export function PreviewPane({ actions, grip }: { actions: Actions; grip?: ReactNode }) {
  const { id, session, bench } = useWorkspace();
  const wish = useValue(bench.preview);
  const { journey, console, consoleOpen } = bench.page;
  const way = useValue(journey);
  const narrow = useNarrow();
  const { errors } = useValue(console.state);
  const isOpen = useValue(consoleOpen);
  const ports = (useValue(session.ports) ?? []).map((p) => p.port);
  const listens = wish !== null && ports.includes(wish.port);
  const path = way.paths[way.at] ?? wish?.path ?? "/";

  const openInTab = () => {
    if (!wish) return;
    // Opened at once, or the browser would take it for a pop-up that nobody asked for.
    const tab = window.open("about:blank", "_blank");
    if (tab) tab.opener = null;
    api.preview(id, { port: wish.port, path }).then(
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

  const errorWords = errors === 0 ? "" : errors === 1 ? ", 1 error" : `, ${errors} errors`;
  return (
    <>
      <div className="preview-bar">
        <IconButton
          label="Back in the preview"
          disabled={!listens || !canGo(way, "back")}
          onClick={() => bench.page.go("back")}
        >
          <ArrowLeft size={15} aria-hidden />
        </IconButton>
        <IconButton
          label="Forward in the preview"
          disabled={!listens || !canGo(way, "forward")}
          onClick={() => bench.page.go("forward")}
        >
          <ArrowRight size={15} aria-hidden />
        </IconButton>
        <IconButton label="Reload preview" disabled={!listens} onClick={() => bench.reloadPreview()}>
          <RotateCw size={15} aria-hidden />
        </IconButton>
        <AddressBar wish={wish} path={path} ports={ports} />
        {!narrow && <DeviceButton />}
        <IconButton
          label={`Console of the app${errorWords}`}
          className="with-badge"
          aria-pressed={isOpen}
          onClick={() => consoleOpen.set(!isOpen)}
        >
          <SquareTerminal size={15} aria-hidden />
          {errors > 0 && (
            <span className="badge" aria-hidden>
              {errors > MOST_IN_BADGE ? `${MOST_IN_BADGE}+` : errors}
            </span>
          )}
        </IconButton>
        <IconButton label="Open in new tab" disabled={!listens} onClick={openInTab}>
          <ExternalLink size={15} aria-hidden />
        </IconButton>
        {grip}
      </div>
      {wish && listens ? <Frame wish={wish} /> : <Nothing wish={wish} ports={ports} actions={actions} />}
      {isOpen && <ConsoleStrip />}
    </>
  );
}

const MOST_IN_BADGE = 99;

function Nothing({ wish, ports, actions }: { wish: PreviewWish | null; ports: number[]; actions: Actions }) {
  const { session, bench } = useWorkspace();
  const { run } = useValue(session.run);
  const project = useValue(session.project);
  const expected = wish?.port ?? project?.run_port ?? null;
  return (
    <div className="center-note">
      <h2>{expected === null ? "Nothing listens yet" : `Nothing on port ${expected} yet`}</h2>
      <p>
        {hasFailed(run) ? endedWords(run) : "This opens by itself when your program listens."}
        {ports.length > 0 && ` Listening now: ${ports.join(", ")}.`}
      </p>
      <div className="row-gap">
        {ports.slice(0, 3).map((port) => (
          <Button key={port} onClick={() => bench.showPreview(port)}>
            Open {port}
          </Button>
        ))}
        {run.status !== "running" && project?.run_command !== "" && session.mayChange && (
          <Button onClick={actions.run}>{hasFailed(run) ? "Run again" : "Run the program"}</Button>
        )}
      </div>
    </div>
  );
}
