/** Which port the preview shows when ports open. Pure. */

export interface PortNews {
  /** Null: the first list of this page. */
  before: readonly number[] | null;
  now: readonly number[];
  /** `run.port` of the project. */
  expected: number | null;
  running: boolean;
  /** What the preview shows. */
  shown: number | null;
  /** The preview's pane is open. */
  visible: boolean;
}

export type PortChoice = { show: number } | { offer: number } | null;

export function choosePort({ before, now, expected, running, shown, visible }: PortNews): PortChoice {
  if (before === null) {
    // After a reload: what the program serves, or what was looked at.
    const port = expected !== null && now.includes(expected) ? expected : now[0];
    return port !== undefined && (visible || (running && (expected === null || port === expected)))
      ? { show: port }
      : null;
  }
  const fresh = now.filter((port) => !before.includes(port));
  const [first] = fresh;
  if (first === undefined) return null;
  if (expected !== null && fresh.includes(expected)) return { show: expected };
  if (shown !== null && fresh.includes(shown)) return { show: shown };
  // Programs open ports beside their own (for hot reload, a database): the expected one will come.
  if (running && expected !== null && !now.includes(expected)) return null;
  return shown === null || !now.includes(shown) ? { show: first } : { offer: first };
}

/** The port and path of an address of this machine, as programs print it. */
export function localAddress(address: string): { port: number; path: string } | null {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    return null;
  }
  const local = /^(localhost|127(\.\d+){3}|0\.0\.0\.0|\[::1?\])$/.test(url.hostname);
  const port = Number(url.port);
  if (!local || !/^https?:$/.test(url.protocol) || port === 0) return null;
  return { port, path: `${url.pathname}${url.search}${url.hash}` };
}

/** What a person typed as a path, from `/` on; a whole address of this machine is cut to its path. */
export function typedPath(text: string): string {
  const typed = text.trim();
  const local = localAddress(typed);
  if (local) return local.path;
  return typed.startsWith("/") ? typed : `/${typed}`;
}
