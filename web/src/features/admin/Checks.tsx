/** What keeps repls apart on this machine, one by one, and what to do about what is missing. */
import { words } from "../../api/client";
import type { HostCheck } from "../../api/protocol.gen";
import { Button } from "../../ui/Button";
import { Ticked } from "../../ui/Ticked";
import { useChecks } from "./queries";
import { checksWords } from "./words";

const STATES = {
  ok: { word: "there", tone: "ok" },
  warn: { word: "missing", tone: "warn" },
  fail: { word: "failed", tone: "bad" },
} as const;

/** What is missing comes first. */
const ORDER = { fail: 0, warn: 1, ok: 2 } as const;

export function Checks() {
  const checks = useChecks();
  const said = checks.data && checksWords(checks.data);
  const sorted = [...(checks.data ?? [])].sort((a, b) => ORDER[a.state] - ORDER[b.state]);
  const missing = sorted.filter(({ state }) => state !== "ok");
  return (
    <section aria-labelledby="isolation">
      <div className="section-head">
        <h2 id="isolation">Isolation</h2>
        <Button small disabled={checks.isFetching} onClick={() => void checks.refetch()}>
          {checks.isFetching ? "Looking…" : "Look again"}
        </Button>
      </div>
      {checks.isPending && (
        <p className="muted" role="status">
          Looking what keeps repls apart; a sandbox is started for it…
        </p>
      )}
      {checks.isError && (
        <p role="alert" className="bad-text">
          It can’t be told. {words(checks.error)}
        </p>
      )}
      {said && (
        <p role="status" className="row-gap">
          <span className={`dot ${said.tone}`} aria-hidden />
          {said.text}
        </p>
      )}
      {missing.length > 0 && (
        <ul className="list" aria-label="What is missing">
          {missing.map((check) => (
            <Check key={check.name} check={check} />
          ))}
        </ul>
      )}
      {sorted.length > missing.length && (
        <details>
          <summary>What is there ({sorted.length - missing.length})</summary>
          <ul className="list" aria-label="What is there">
            {sorted.slice(missing.length).map((check) => (
              <Check key={check.name} check={check} />
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function Check({ check: { name, state, detail, remedy } }: { check: HostCheck }) {
  const { word, tone } = STATES[state];
  return (
    <li className="check" aria-label={name}>
      <span className={`dot ${tone}`} role="img" aria-label={word} />
      <div>
        <b>{name}</b> <span className="muted">{<Ticked text={detail} />}</span>
        {remedy?.split("\n").map((line) => (
          <div key={line} className="small">
            → <Ticked text={line} />
          </div>
        ))}
      </div>
    </li>
  );
}
