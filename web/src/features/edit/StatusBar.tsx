/** The bottom line: the connection and the file that is shown. */
import type { Repl } from "../../api/protocol.gen";
import { useOnline } from "../../ui/useOnline";
import { useValue } from "../../ui/useValue";
import { useKeysOf } from "../commands/useCommands";
import { FormatButtons } from "../editor/format/FormatButtons";
import { LanguageName } from "../editor/LanguageName";
import { connectionWords, count, resourceWords, usageWords } from "../words";
import { useWorkspace } from "./workspace";

const TONES = { ok: "ok", warn: "warn", bad: "bad", quiet: "" } as const;

export function StatusBar({ repl }: { repl: Repl }) {
  const { session, bench } = useWorkspace();
  const { text, tone } = connectionWords(useValue(session.socket.connection), useOnline());
  const { active } = useValue(bench.tabs);
  const round = useKeysOf("view.next-pane");
  const { people } = repl.state;
  const usage = usageWords(repl.state.usage, "This repl holds");
  const resources = resourceWords(repl.state.resources);
  return (
    <footer className="status">
      <span>
        <span className={`dot ${TONES[tone]}`} aria-hidden />
        {text}
      </span>
      {active !== null && <LanguageName path={active} />}
      {active !== null && <FormatButtons path={active} />}
      <span className="spacer" />
      {resources && (
        <span title={resources.tight ?? resources.text}>
          {resources.tight !== null && (
            <>
              <span className="dot warn" aria-hidden />
              Almost full:{" "}
            </>
          )}
          {resources.used}
        </span>
      )}
      {usage && !usage.near && <span title={usage.text}>{usage.used}</span>}
      {repl.settings.keep_alive && (
        <span title="How this repl runs, in the palette, changes that.">Goes on with nobody here</span>
      )}
      {people > 1 && <span>{count(people, "page")} here</span>}
      {round.text && <span>{round.text} goes round the panes</span>}
    </footer>
  );
}
