/** States, day by day: arrows go from one to the next. */
import { Bookmark } from "lucide-react";
import { type KeyboardEvent, useRef, useState } from "react";
import type { HistoryState } from "../../api/protocol.gen";
import { byDay, changesOf, timeOf, whoOf } from "./tell";

interface TimelineProps {
  states: readonly HistoryState[];
  chosen: number | null;
  onChoose: (state: HistoryState) => void;
}

export function Timeline({ states, chosen, onChoose }: TimelineProps) {
  const box = useRef<HTMLDivElement>(null);
  const [now] = useState(() => new Date());
  const key = (event: KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by) return;
    const all = [...(box.current?.querySelectorAll<HTMLButtonElement>("button") ?? [])];
    const at = all.indexOf(document.activeElement as HTMLButtonElement);
    if (at < 0) return;
    event.preventDefault();
    all[at + by]?.focus();
  };
  return (
    // The keys are those of the buttons in it.
    // biome-ignore lint/a11y/noStaticElementInteractions: arrows are a shortcut beside Tab.
    <div ref={box} className="timeline" onKeyDown={key}>
      {byDay(states, now).map(({ day, states }) => (
        <section key={`${day}-${states[0]?.number}`} aria-label={day}>
          <h3>{day}</h3>
          <ul>
            {states.map((state) => (
              <li key={state.number}>
                <button
                  type="button"
                  className="moment"
                  aria-pressed={state.number === chosen}
                  onClick={() => onChoose(state)}
                >
                  {state.name !== null && (
                    <span className="moment-name">
                      <Bookmark size={13} aria-hidden /> {state.name}
                    </span>
                  )}
                  <span className="moment-head">
                    <time dateTime={state.at}>{timeOf(state.at)}</time>
                    {whoOf(state) !== null && <span className="muted">{whoOf(state)}</span>}
                  </span>
                  <span className="muted small">
                    {state.restored !== null && "brought back · "}
                    {changesOf(state)}
                  </span>
                </button>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}
