/** The terminals with their tabs: those of the server, so that a reload finds them again. */
import { Plus } from "lucide-react";
import { lazy, Suspense, useEffect, useRef } from "react";
import { words } from "../../api/client";
import type { TerminalInfo } from "../../api/protocol.gen";
import { Button, IconButton } from "../../ui/Button";
import { TabStrip } from "../../ui/TabStrip";
import { complain } from "../../ui/toasts";
import { useValue } from "../../ui/useValue";
import { useKeysOf } from "../commands/useCommands";
import type { Actions } from "../edit/useActions";
import { useWorkspace } from "../edit/workspace";
import { closeTerminal, openTerminal } from "./openTerminal";

/** The emulator is a third of the edit screen's code, and nothing of it is needed to edit. */
const TerminalView = lazy(() => import("./TerminalView"));

export function TerminalPane({ actions }: { actions: Actions }) {
  const workspace = useWorkspace();
  const { session, bench } = workspace;
  const list = useValue(session.terminals.list);
  const known = useValue(session.terminals.known);
  const chosen = useValue(bench.terminal);
  const titles = useValue(bench.titles);
  const { run } = useValue(session.run);
  const connected = useValue(session.socket.connection).state === "connected";
  const mayChange = useValue(session.role) !== "viewer";
  const shown = list.find((t) => t.terminal === chosen) ?? list[0];

  const newKeys = useKeysOf("terminal.new");
  const create = () => openTerminal(workspace);
  const close = (id: number) => closeTerminal(workspace, id);
  const restart = (info: TerminalInfo) => void close(info.terminal).then(create);

  // The first page that comes gets a shell; a person who closes the last one wants none.
  const life = useValue(session.terminals.life);
  const provided = useRef<number | null>(null);
  useEffect(() => {
    if (!known || provided.current === life) return;
    provided.current = life;
    if (list.length > 0 || !mayChange) return;
    const { cols, rows } = bench.terminalSize;
    session.terminals.create(cols, rows).catch((error: unknown) => complain(words(error)));
  }, [known, life, list, mayChange, session, bench]);

  // A program's output is shown when it starts; the keys go there too when it has no page to show.
  const running = run.status === "running" ? run.terminal : null;
  const before = useRef(running);
  useEffect(() => {
    if (running !== null && before.current !== running) {
      bench.showTerminal(running);
      if (session.project.get()?.run_port === null) bench.typeInto.set(running);
    }
    before.current = running;
  }, [running, session, bench]);

  return (
    <>
      <TabStrip
        label="Terminals"
        panel="terminal-panel"
        low
        active={shown?.terminal ?? null}
        tabs={list.map((t) => ({
          id: t.terminal,
          name: t.name,
          title: titles.get(t.terminal),
          fixed: !mayChange,
          mark:
            t.terminal === running ? <span role="img" className="dot ok" aria-label="running" /> : undefined,
        }))}
        onShow={(id) => bench.terminal.set(id)}
        onPick={(id) => {
          bench.terminal.set(id);
          bench.typeInto.set(id);
        }}
        onClose={(id) => void close(id)}
      >
        {mayChange && (
          <IconButton
            label="New terminal"
            keys={newKeys.text}
            disabled={!connected}
            onClick={() => void create()}
          >
            <Plus size={15} aria-hidden />
          </IconButton>
        )}
      </TabStrip>
      <div className="shell-panel" id="terminal-panel" role="tabpanel" aria-label="Terminal screen">
        {shown && <Ended info={shown} actions={actions} restart={restart} enabled={connected && mayChange} />}
        {shown ? (
          <Suspense fallback={<div className="terminal-view" />}>
            <TerminalView key={shown.terminal} info={shown} />
          </Suspense>
        ) : (
          <div className="center-note">
            <p>{known ? "No terminal is open." : "The terminals come with the connection."}</p>
            {known && mayChange && (
              <Button disabled={!connected} onClick={() => void create()}>
                Open a terminal
              </Button>
            )}
          </div>
        )}
      </div>
    </>
  );
}

interface EndedProps {
  info: TerminalInfo;
  actions: Actions;
  restart: (info: TerminalInfo) => void;
  enabled: boolean;
}

function Ended({ info, actions, restart, enabled }: EndedProps) {
  const { session } = useWorkspace();
  const { run } = useValue(session.run);
  const code = info.exit_code;
  if (code === null) return null;
  if (info.kind === "shell") {
    return (
      <div className="bar" role="status" aria-label="Terminal ended">
        <span>{code === 0 ? "The shell ended." : `The shell ended with exit code ${code}.`}</span>
        <Button small disabled={!enabled} onClick={() => restart(info)}>
          Restart
        </Button>
      </div>
    );
  }
  const stopped = run.status === "exited" && run.stopped;
  const text = stopped
    ? "The program was stopped."
    : code === 0
      ? "The program ended."
      : `The program ended with exit code ${code}.`;
  return (
    <div className={`bar ${code !== 0 && !stopped ? "bad" : ""}`} role="status" aria-label="Program ended">
      <span>{text}</span>
      <Button small disabled={!enabled || run.status === "running"} onClick={actions.run}>
        Run again
      </Button>
    </div>
  );
}
