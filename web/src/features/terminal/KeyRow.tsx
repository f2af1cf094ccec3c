/** A row of the keys that keyboards on screens lack, while a terminal has the keys on a small or touched screen. */
import { ArrowDown, ArrowLeft, ArrowRight, ArrowUp, Search } from "lucide-react";
import {
  type KeyboardEvent,
  type MouseEvent,
  type PointerEvent,
  type ReactNode,
  useEffect,
  useState,
} from "react";
import { useValue } from "../../ui/useValue";
import { useWorkspace } from "../edit/workspace";
import type { ScreenKey } from "./keyRow";

const WANTED = "(pointer: coarse), (max-width: 720px)";

const KEYS: readonly (readonly [ScreenKey | "Ctrl", string, ReactNode])[] = [
  ["Escape", "Escape", "Esc"],
  ["Tab", "Tab", "Tab"],
  ["Ctrl", "Ctrl, for the next key", "Ctrl"],
  ["Left", "Left", <ArrowLeft key="left" size={18} aria-hidden />],
  ["Up", "Up", <ArrowUp key="up" size={18} aria-hidden />],
  ["Down", "Down", <ArrowDown key="down" size={18} aria-hidden />],
  ["Right", "Right", <ArrowRight key="right" size={18} aria-hidden />],
  ["|", "Vertical bar", "|"],
  ["/", "Slash", "/"],
  ["~", "Tilde", "~"],
  ["-", "Minus", "-"],
];

const NEIGHBOURS: Readonly<Record<string, "previousElementSibling" | "nextElementSibling">> = {
  ArrowLeft: "previousElementSibling",
  ArrowRight: "nextElementSibling",
};

/** Tab leads to the first key, arrows to the others. */
function step({ key, currentTarget }: KeyboardEvent<HTMLElement>): void {
  const to = NEIGHBOURS[key];
  const next = to && document.activeElement?.[to];
  if (next instanceof HTMLElement && currentTarget.contains(next)) next.focus();
}

/** Whether what is typed goes to a terminal, or would from the row itself. */
function useTyping(): boolean {
  const [typing, setTyping] = useState(false);
  useEffect(() => {
    const look = () => setTyping(document.activeElement?.closest(".terminal-view, .key-row") != null);
    look();
    document.addEventListener("focusin", look);
    // By then the next element has the focus, if there is one.
    const later = () => queueMicrotask(look);
    document.addEventListener("focusout", later);
    return () => {
      document.removeEventListener("focusin", look);
      document.removeEventListener("focusout", later);
    };
  }, []);
  return typing;
}

export function KeyRow() {
  const { bench } = useWorkspace();
  const held = useValue(bench.ctrlHeld);
  const typing = useTyping();
  const [wanted] = useState(() => window.matchMedia(WANTED));
  const [fits, setFits] = useState(wanted.matches);
  useEffect(() => {
    const change = () => setFits(wanted.matches);
    wanted.addEventListener("change", change);
    return () => wanted.removeEventListener("change", change);
  }, [wanted]);
  if (!typing || !fits) return null;

  // The keys stay where they are, and with them the keyboard.
  const stay = (event: PointerEvent | MouseEvent) => event.preventDefault();
  const press = (key: ScreenKey | "Ctrl") => {
    if (key === "Ctrl") bench.ctrlHeld.set(!held);
    else bench.pressInTerminal(key);
  };
  return (
    <div className="key-row" role="toolbar" aria-label="Keys of the terminal" onKeyDown={step}>
      {KEYS.map(([key, label, shown], index) => (
        <button
          key={key}
          type="button"
          tabIndex={index === 0 ? 0 : -1}
          aria-label={label}
          aria-pressed={key === "Ctrl" ? held : undefined}
          onPointerDown={stay}
          onMouseDown={stay}
          onClick={() => press(key)}
        >
          {shown}
        </button>
      ))}
      <button
        type="button"
        tabIndex={-1}
        aria-label="All commands"
        aria-haspopup="dialog"
        onPointerDown={stay}
        onMouseDown={stay}
        onClick={() => bench.palette.set(">")}
      >
        <Search size={17} aria-hidden />
      </button>
    </div>
  );
}
