/** A row of tabs: arrows move, Delete closes (browsers keep Ctrl-W), a middle click closes too. */
import { X } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useEffect, useRef } from "react";
import { IconButton } from "./Button";

export interface Tab<Id extends string | number> {
  id: Id;
  name: string;
  title?: string;
  mark?: ReactNode;
  /** Whether a person may close it; so when absent. */
  fixed?: boolean;
}

interface TabStripProps<Id extends string | number> {
  label: string;
  /** Id of the element that shows what is chosen. */
  panel: string;
  tabs: Tab<Id>[];
  active: Id | null;
  low?: boolean;
  onShow: (id: Id) => void;
  /** It was clicked or tapped: what it shows is to have the keys. Arrows leave them with the tabs. */
  onPick?: (id: Id) => void;
  onClose: (id: Id) => void;
  /** Buttons behind the tabs. */
  children?: ReactNode;
}

export function TabStrip<Id extends string | number>(props: TabStripProps<Id>) {
  const { label, panel, tabs, active, low = false, onShow, onPick = onShow, onClose, children } = props;
  const strip = useRef<HTMLDivElement>(null);
  const at = tabs.findIndex((t) => t.id === active);

  useEffect(() => {
    if (at >= 0)
      strip.current
        ?.querySelectorAll("[role=tab]")
        [at]?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [at]);

  const key = (event: KeyboardEvent, index: number, tab: Tab<Id>) => {
    const to: Record<string, number> = {
      ArrowRight: (index + 1) % tabs.length,
      ArrowLeft: (index - 1 + tabs.length) % tabs.length,
      Home: 0,
      End: tabs.length - 1,
    };
    const next = to[event.key];
    if (next !== undefined) {
      const chosen = tabs[next];
      if (chosen) onShow(chosen.id);
      strip.current?.querySelectorAll<HTMLElement>("[role=tab]")[next]?.focus();
    } else if (event.key === "Delete" && !tab.fixed) onClose(tab.id);
    else return;
    event.preventDefault();
  };

  return (
    <div className={`tabs ${low ? "low" : ""}`}>
      <div ref={strip} role="tablist" aria-label={label} className="tab-list">
        {tabs.map((tab, index) => (
          <div key={tab.id} className={`tab ${tab.id === active ? "on" : ""}`} role="presentation">
            <button
              type="button"
              role="tab"
              aria-label={tab.name}
              aria-selected={tab.id === active}
              aria-controls={panel}
              tabIndex={index === Math.max(0, at) ? 0 : -1}
              title={tab.title}
              onClick={() => onPick(tab.id)}
              onAuxClick={(event) => event.button === 1 && !tab.fixed && onClose(tab.id)}
              onKeyDown={(event) => key(event, index, tab)}
            >
              <span className="name">{tab.name}</span>
              {tab.mark}
            </button>
            {!tab.fixed && (
              <IconButton
                label={`Close ${tab.name}`}
                tabIndex={tab.id === active ? 0 : -1}
                onClick={() => onClose(tab.id)}
              >
                <X size={13} aria-hidden />
              </IconButton>
            )}
          </div>
        ))}
      </div>
      {children}
    </div>
  );
}
