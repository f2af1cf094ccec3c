/** A menu at a place of the page: arrows move, Enter chooses, Escape and a click elsewhere close. */
import {
  Fragment,
  type KeyboardEvent,
  type ReactNode,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from "react";

export interface MenuItem {
  label: string;
  icon?: ReactNode;
  keys?: string;
  danger?: boolean;
  /** A line stands above it. */
  divided?: boolean;
  run: () => void;
}

export interface Point {
  x: number;
  y: number;
}

interface MenuProps {
  label: string;
  at: Point;
  items: MenuItem[];
  onClose: () => void;
}

const MARGIN = 8;

export function Menu({ label, at, items, onClose }: MenuProps) {
  const menu = useRef<HTMLDivElement>(null);
  const before = useRef<Element | null>(null);
  const [place, setPlace] = useState(at);

  useLayoutEffect(() => {
    const place = () => {
      const box = menu.current?.getBoundingClientRect();
      if (!box) return;
      setPlace({
        x: Math.max(MARGIN, Math.min(at.x, window.innerWidth - box.width - MARGIN)),
        y: Math.max(MARGIN, Math.min(at.y, window.innerHeight - box.height - MARGIN)),
      });
    };
    place();
    // A phone is turned, a window made smaller: it stays in sight.
    window.addEventListener("resize", place);
    return () => window.removeEventListener("resize", place);
  }, [at]);

  useEffect(() => {
    before.current = document.activeElement;
    buttons(menu.current)[0]?.focus();
    const outside = (event: PointerEvent) => {
      if (event.target instanceof Node && !menu.current?.contains(event.target)) onClose();
    };
    document.addEventListener("pointerdown", outside, true);
    return () => document.removeEventListener("pointerdown", outside, true);
  }, [onClose]);

  const leave = () => {
    if (before.current instanceof HTMLElement && before.current.isConnected) before.current.focus();
    onClose();
  };

  const key = (event: KeyboardEvent) => {
    const all = buttons(menu.current);
    const now = all.findIndex((b) => b.matches(":focus"));
    const to: Record<string, number> = {
      ArrowDown: (now + 1) % all.length,
      ArrowUp: (now - 1 + all.length) % all.length,
      Home: 0,
      End: all.length - 1,
    };
    const next = to[event.key];
    event.stopPropagation();
    if (next !== undefined) all[next]?.focus();
    else if (event.key === "Escape" || event.key === "Tab") leave();
    else return;
    event.preventDefault();
  };

  return (
    <div
      ref={menu}
      className="menu"
      role="menu"
      tabIndex={-1}
      aria-label={label}
      style={{ left: place.x, top: place.y }}
      onKeyDown={key}
      onContextMenu={(event) => event.preventDefault()}
    >
      {items.map((item) => (
        <Fragment key={item.label}>
          {item.divided && <hr />}
          <button
            type="button"
            role="menuitem"
            aria-label={item.label}
            tabIndex={-1}
            className={item.danger ? "danger-item" : ""}
            onClick={() => {
              leave();
              item.run();
            }}
          >
            {item.icon}
            {item.label}
            {item.keys && <span className="kbd">{item.keys}</span>}
          </button>
        </Fragment>
      ))}
    </div>
  );
}

function buttons(menu: HTMLElement | null): HTMLButtonElement[] {
  return menu ? [...menu.querySelectorAll<HTMLButtonElement>("[role=menuitem]")] : [];
}
