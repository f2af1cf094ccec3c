/** A terminal that is shown. The others wait at the runner, which draws their screen anew when they are. */
import { useEffect, useRef, useState } from "react";
import type { TerminalInfo } from "../../api/protocol.gen";
import { copyText } from "../../ui/clipboard";
import { ConfirmDialog } from "../../ui/Dialog";
import { complain, toast } from "../../ui/toasts";
import { useValue } from "../../ui/useValue";
import { useWorkspace } from "../edit/workspace";
import type { PaneId } from "../panes/layout";
import { localAddress } from "../preview/choose";
import { count } from "../words";
import { FindBar } from "./FindBar";
import { bytesOf, type ScreenKey, withCtrl } from "./keyRow";
import { openXterm, type XtermView } from "./xterm";

export default function TerminalView({ pane, info }: { pane: PaneId; info: TerminalInfo }) {
  const { session, bench } = useWorkspace();
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<XtermView | null>(null);
  const readOnly = useValue(session.role) === "viewer";
  const id = info.terminal;
  const [finding, setFinding] = useState(false);
  const [paste, setPaste] = useState<{ lines: number; go: () => void } | null>(null);

  useEffect(() => {
    if (!box.current) return;
    const terminal = session.terminals.get(id);
    const shown = openXterm(box.current, {
      readOnly,
      onData: (data) => {
        const held = bench.ctrlHeld.get() && typeof data === "string";
        if (held) bench.ctrlHeld.set(false);
        terminal.type(held ? withCtrl(data) : data);
      },
      onSize: (size) => {
        bench.terminalSize = size;
        if (!readOnly) terminal.resize(size.cols, size.rows);
      },
      onTitle: (title) => bench.setTitle(id, title.slice(0, 200)),
      onLink: (address) => {
        const local = localAddress(address);
        if (local) bench.showPreview(local.port, local.path);
        else if (/^https?:/i.test(address)) window.open(address, "_blank", "noopener,noreferrer");
      },
      onPlace: ({ path, line, column }) => {
        const start = column === null ? undefined : column - 1;
        bench.openAt(path, { line, start });
      },
      onCopy: (text) => void copyFor(text),
      onPaste: (lines, go) => setPaste({ lines, go }),
    });
    bench.terminalSize = shown.screen.size();
    const press = (key: ScreenKey) => {
      const ctrl = bench.ctrlHeld.get();
      if (!readOnly) terminal.type(bytesOf(key, { ctrl, application: shown.wantsApplicationKeys() }));
    };
    const unregister = bench.register(pane, {
      focus: shown.focus,
      shell: { find: () => setFinding(true), clear: shown.clear, press, marks: shown.marks },
    });
    view.current = shown;
    terminal.show(shown.screen);
    const takeFocus = () => {
      const wish = bench.typeInto.get();
      if (wish !== id && wish !== "any") return;
      bench.typeInto.set(null);
      shown.focus();
    };
    const stopWish = bench.typeInto.subscribe(takeFocus);
    takeFocus();
    return () => {
      stopWish();
      terminal.hide();
      view.current = null;
      unregister();
      shown.dispose();
    };
  }, [session, bench, pane, id, readOnly]);

  const { cols, rows } = info;
  useEffect(() => {
    // The size of whoever acted last holds; our own requests that are under way are newer than the list.
    if (!session.terminals.get(id).isResizing) view.current?.follow(cols, rows);
  }, [session, id, cols, rows]);

  const closeFind = () => {
    setFinding(false);
    view.current?.focus();
  };
  return (
    <>
      {finding && view.current && <FindBar finder={view.current.finder} onClose={closeFind} />}
      <div ref={box} className="terminal-view" />
      {paste && (
        <ConfirmDialog
          title={`Paste ${count(paste.lines, "line")}?`}
          action="Paste"
          onConfirm={() => {
            setPaste(null);
            paste.go();
            view.current?.focus();
          }}
          onCancel={() => setPaste(null)}
        >
          The program in this terminal may run them one after another, at once.
        </ConfirmDialog>
      )}
    </>
  );
}

/** A program copies. Browsers may want a click for it, and do not say so before. */
async function copyFor(text: string): Promise<void> {
  const size = count(text.length, "character");
  if (await copyText(text)) return toast(`A program copied ${size}.`);
  toast(`A program wants to copy ${size}.`, {
    action: {
      label: "Copy",
      run: () =>
        void copyText(text).then((done) => {
          if (!done) complain("The browser did not let the text be copied.");
        }),
    },
  });
}
