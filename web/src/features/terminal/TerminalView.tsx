/** The terminal that is shown. The others wait at the runner, which draws their screen anew when they are. */
import { useEffect, useRef } from "react";
import type { TerminalInfo } from "../../api/protocol.gen";
import { useValue } from "../../ui/useValue";
import { useWorkspace } from "../edit/workspace";
import { localAddress } from "../preview/choose";
import { openXterm, type XtermView } from "./xterm";

export default function TerminalView({ info }: { info: TerminalInfo }) {
  const { session, bench } = useWorkspace();
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<XtermView | null>(null);
  const readOnly = useValue(session.role) === "viewer";
  const id = info.terminal;

  useEffect(() => {
    if (!box.current) return;
    const terminal = session.terminals.get(id);
    const shown = openXterm(box.current, {
      readOnly,
      onData: (data) => terminal.type(data),
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
    });
    bench.terminalSize = shown.screen.size();
    view.current = shown;
    bench.focus.terminal = shown.focus;
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
      if (bench.focus.terminal === shown.focus) bench.focus.terminal = () => {};
      shown.dispose();
    };
  }, [session, bench, id, readOnly]);

  const { cols, rows } = info;
  useEffect(() => {
    // The size of whoever acted last holds; our own requests that are under way are newer than the list.
    if (!session.terminals.get(id).isResizing) view.current?.follow(cols, rows);
  }, [session, id, cols, rows]);

  return <div ref={box} className="terminal-view" />;
}
