/** A row of tabs: arrows move, Delete closes (browsers keep Ctrl-W), a middle click closes too. */
import { X } from "lucide-react";
import { type KeyboardEvent, type PointerEvent, type ReactNode, useEffect, useId, useRef } from "react";
import { IconButton } from "./Button";

export interface Tab<Id extends string | number> {
  id: Id;
  name: string;
  title?: string;
  mark?: ReactNode;
  /** Whether a person may close it; so when absent. */
  fixed?: boolean;
  /** Stands in the tab's place while it is given another name. */
  editing?: ReactNode;
}

interface TabStripProps<Id extends string | number> {
  label: string;
  /** Id of the element that shows what is chosen. */
  panel: string;
  tabs: Tab<Id>[];
  active: Id | null;
  /** In pixels. */
  height: number;
  onShow: (id: Id) => void;
  /** It was clicked or tapped: what it shows is to have the keys. Arrows leave them with the tabs. */
  onPick?: (id: Id) => void;
  onClose: (id: Id) => void;
  /** It was pressed, and may be dragged now. */
  onGrab?: (event: PointerEvent<HTMLElement>, tab: Tab<Id>) => void;
  /** It is to stand so many places on. */
  onShift?: (id: Id, by: number) => void;
  /** It is to get another name. */
  onRename?: (id: Id) => void;
  onMenu?: (id: Id, at: { x: number; y: number }) => void;
  /** Buttons behind the tabs. */
  children?: ReactNode;
}

export function TabStrip<Id extends string | number>(props: TabStripProps<Id>) {
  const { label, panel, tabs, active, height, onShow, onPick = onShow, onClose, children } = props;
  const strip = useRef<HTMLDivElement>(null);
  const id = useId();
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
    const shifts = event.ctrlKey && event.shiftKey ? { PageUp: -1, PageDown: 1 }[event.key] : undefined;
    if (next !== undefined) {
      const chosen = tabs[next];
      if (chosen) onShow(chosen.id);
      strip.current?.querySelectorAll<HTMLElement>("[role=tab]")[next]?.focus();
    } else if (shifts !== undefined) props.onShift?.(tab.id, shifts);
    else if (event.key === "Delete" && !tab.fixed) onClose(tab.id);
    else if (event.key === "F2" && props.onRename) props.onRename(tab.id);
    else return;
    event.preventDefault();
  };

  return (
    <div className="tabs" style={{ height }}>
      {/* A list of tabs holds tabs alone: the buttons that close them stand beside it. */}
      <div
        role="tablist"
        aria-label={label}
        aria-owns={tabs.map((t) => `${id}-${encodeURIComponent(t.id)}`).join(" ")}
      />
      <div
        ref={strip}
        className="tab-list"
        onWheel={(event) => {
          // Most mice turn one way only.
          if (event.deltaX === 0) event.currentTarget.scrollLeft += event.deltaY;
        }}
      >
        {tabs.map((tab, index) => (
          <div key={tab.id} className={`tab ${tab.id === active ? "on" : ""}`} role="presentation">
            {tab.editing ?? (
              <button
                type="button"
                role="tab"
                id={`${id}-${encodeURIComponent(tab.id)}`}
                aria-label={tab.name}
                aria-selected={tab.id === active}
                aria-controls={tab.id === active ? panel : undefined}
                tabIndex={index === Math.max(0, at) ? 0 : -1}
                title={tab.title}
                onClick={() => onPick(tab.id)}
                onDoubleClick={() => props.onRename?.(tab.id)}
                onAuxClick={(event) => event.button === 1 && !tab.fixed && onClose(tab.id)}
                onContextMenu={(event) => {
                  if (!props.onMenu) return;
                  event.preventDefault();
                  props.onMenu(tab.id, { x: event.clientX, y: event.clientY });
                }}
                onPointerDown={(event) => props.onGrab?.(event, tab)}
                onKeyDown={(event) => key(event, index, tab)}
              >
                <span className="name">{tab.name}</span>
                {tab.mark}
              </button>
            )}
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
