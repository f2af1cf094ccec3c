// Runs in a preview that the editor shows, before the program's own scripts: tells the editor where the
// page is and what it writes to its console, and goes back, forward or reloads when asked. It takes
// itself out of the document, which is then the program's alone.
(() => {
  "use strict";
  document.currentScript?.remove();
  const editor = window.parent;
  if (editor === window || editor !== window.top || isOwn(editor)) return;

  /** Only the editor and the program's own pages may frame this one (`frame-ancestors`): the latter can be read. */
  function isOwn(frame) {
    try {
      return frame.location.href !== undefined;
    } catch {
      return false;
    }
  }

  const MOST_CHARACTERS = 10_000;
  const MOST_A_SECOND = 100;
  const MOST_LEVELS = 4;
  const MOST_ENTRIES = 100;

  const send = (message) => editor.postMessage(message, "*");

  let second = 0;
  let sent = 0;
  let dropped = 0;
  /** Whether one more may be told in this second. What is dropped is told as a count, later. */
  const admitted = () => {
    const now = Math.floor(Date.now() / 1_000);
    if (now !== second) {
      second = now;
      sent = 0;
      if (dropped > 0) {
        const text = `${dropped} more lines came too fast to be shown here: the browser's own console has them.`;
        dropped = 0;
        send({ alcove: "console", level: "warn", time: Date.now(), text });
      }
    }
    sent += 1;
    if (sent > MOST_A_SECOND) dropped += 1;
    return sent <= MOST_A_SECOND;
  };
  const tell = (level, text, place = {}) =>
    send({ alcove: "console", level, time: Date.now(), text: cut(text), ...place });
  const cut = (text) => (text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text);

  /** A value in short: so many levels and entries, and no more text than is shown. */
  const shown = (value, depth = 0, above = []) => {
    if (typeof value === "string") return depth === 0 ? value : JSON.stringify(cut(value));
    if (typeof value === "function") return `function ${value.name}`;
    if (typeof value !== "object" || value === null) return String(value);
    if (value instanceof Error) return value.stack?.includes(value.message) ? value.stack : String(value);
    if (value instanceof Node) return value instanceof Element ? `<${value.tagName.toLowerCase()}>` : value.nodeName;
    if (value instanceof Date) return String(value);
    if (above.includes(value)) return "…";
    const name = value.constructor?.name ?? "";
    const isList = Array.isArray(value) || value instanceof Set;
    if (depth >= MOST_LEVELS) return isList ? "[…]" : "{…}";
    const inner = [...above, value];
    const parts = [];
    let length = 0;
    for (const [key, part] of entriesOf(value)) {
      if (parts.length >= MOST_ENTRIES || length > MOST_CHARACTERS) {
        parts.push("…");
        break;
      }
      const text = `${key === null ? "" : `${key}: `}${shown(part, depth + 1, inner)}`;
      length += text.length;
      parts.push(text);
    }
    const prefix = ["Object", "Array", ""].includes(name) ? "" : `${name} `;
    return isList ? `${prefix}[${parts.join(", ")}]` : `${prefix}{${parts.join(", ")}}`;
  };
  /** Getters are the program's code, and are not run. */
  function* entriesOf(value) {
    if (value instanceof Map) {
      for (const [key, part] of value) yield [shown(key, MOST_LEVELS), part];
    } else if (Array.isArray(value) || value instanceof Set) {
      for (const part of value) yield [null, part];
    } else {
      for (const key in value) {
        const property = Object.getOwnPropertyDescriptor(value, key);
        if (property) yield [key, property.get ? "…" : property.value];
      }
    }
  }
  // console's format specifiers (console.spec.whatwg.org §2.2); colours are left out.
  const written = (args) => {
    if (typeof args[0] !== "string" || !/%[sdifoOc]/.test(args[0])) return args.map((arg) => shown(arg)).join(" ");
    const rest = args.slice(1);
    const text = args[0].replace(/%([sdifoOc%])/g, (whole, kind) => {
      if (kind === "%") return "%";
      if (rest.length === 0) return whole;
      const value = rest.shift();
      return kind === "c" ? "" : shown(value);
    });
    return [text, ...rest.map((arg) => shown(arg))].join(" ");
  };

  for (const level of ["error", "warn", "info", "log"]) {
    const original = console[level];
    console[level] = (...args) => {
      original.apply(console, args);
      try {
        if (admitted()) tell(level, written(args));
      } catch {
        // What can't be shown is still in the browser's own console.
      }
    };
  }

  addEventListener(
    "error",
    (event) => {
      if (!admitted()) return;
      if (event instanceof ErrorEvent) {
        const { message, filename: source, lineno: line, colno: column, error } = event;
        const stack = typeof error?.stack === "string" ? cut(error.stack) : undefined;
        tell("error", message, { source, line, column, stack });
        return;
      }
      const address = event.target?.src ?? event.target?.href;
      if (typeof address === "string") tell("error", `Could not be loaded: ${address}`);
    },
    true,
  );
  addEventListener("unhandledrejection", ({ reason }) => {
    if (!admitted()) return;
    const stack = typeof reason?.stack === "string" ? cut(reason.stack) : undefined;
    tell("error", `Unhandled rejection: ${shown(reason)}`, { stack });
  });

  const navigated = () => send({ alcove: "navigated", href: location.href.slice(0, MOST_CHARACTERS) });
  for (const name of ["pushState", "replaceState"]) {
    const original = history[name];
    history[name] = function (...args) {
      const result = original.apply(this, args);
      navigated();
      return result;
    };
  }
  addEventListener("popstate", navigated);
  addEventListener("hashchange", navigated);
  addEventListener("pageshow", navigated);
  navigated();

  addEventListener("message", ({ source, data }) => {
    if (source !== editor || data?.alcove !== "go") return;
    // The history is that of the whole tab: beyond its own pages, a frame's `history` leads the editor away.
    const own = window.navigation;
    if (data.to === "back") own ? own.canGoBack && own.back() : history.back();
    if (data.to === "forward") own ? own.canGoForward && own.forward() : history.forward();
    if (data.to === "reload") location.reload();
  });
})();
