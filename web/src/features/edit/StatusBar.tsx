/** The bottom line: the connection and the file that is shown. */
import type { Repl } from "../../api/protocol.gen";
import { useValue } from "../../ui/useValue";
import { useKeysOf } from "../commands/useCommands";
import { languageName } from "../editor/languages";
import { connectionWords, count } from "../words";
import { useWorkspace } from "./workspace";

const TONES = { ok: "ok", warn: "warn", bad: "bad", quiet: "" } as const;

export function StatusBar({ repl }: { repl: Repl }) {
  const { session, bench } = useWorkspace();
  const { text, tone } = connectionWords(useValue(session.socket.connection));
  const { active } = useValue(bench.tabs);
  const round = useKeysOf("view.next-pane");
  const { people } = repl.state;
  return (
    <footer className="status">
      <span>
        <span className={`dot ${TONES[tone]}`} aria-hidden />
        {text}
      </span>
      {active !== null && <span>{languageName(active)}</span>}
      <span className="spacer" />
      {people > 1 && <span>{count(people, "page")} here</span>}
      {round.text && <span>{round.text} goes round the panes</span>}
    </footer>
  );
}
