/** Where the page in the preview has been, as far as it told. Pure. */

export interface Journey {
  paths: readonly string[];
  at: number;
}

const MOST = 100;

export const START: Journey = { paths: [], at: -1 };

/**
 * The page says that it is at `path`. What lies beside the present place is taken for going back or forth:
 * too short a way back is harmless, one that is too long would lead out of the preview.
 */
export function arrived({ paths, at }: Journey, path: string): Journey {
  if (paths[at] === path) return { paths, at };
  if (paths[at - 1] === path) return { paths, at: at - 1 };
  if (paths[at + 1] === path) return { paths, at: at + 1 };
  const all = [...paths.slice(0, at + 1), path].slice(-MOST);
  return { paths: all, at: all.length - 1 };
}

export const canGo = ({ paths, at }: Journey, to: "back" | "forward"): boolean =>
  to === "back" ? at > 0 : at < paths.length - 1;
