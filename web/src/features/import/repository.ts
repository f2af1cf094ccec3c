/** Addresses of git repositories, as people paste them. Pure. */

export interface Repository {
  /** As git takes it. */
  url: string;
  /** A name for the repl. */
  name: string;
  host: string;
}

const OVER_WEB = /^(?:https?|ssh|git):\/\/(?:[^@/\s]+@)?([^/\s:]+)(?::\d+)?\/(\S+)$/i;
/** `git@host:path` (git-clone(1), "GIT URLS"). */
const OVER_SSH = /^[\w.-]+@([\w.-]+):(\S+)$/;
/** What people copy from the bar of the browser: `github.com/owner/name`. */
const BARE =
  /^((?:www\.)?(?:github\.com|gitlab\.com|bitbucket\.org|codeberg\.org))\/([\w.-]+\/[\w.-]+)(?:[/?#]\S*)?$/i;
/** A page below a repository's on the large hosts. */
const PAGE =
  /^(https?:\/\/(?:github\.com|gitlab\.com|bitbucket\.org|codeberg\.org)\/[\w.-]+\/[\w.-]+?)(?:\.git)?(?:\/(?:-\/)?(?:tree|blob|src|commits|issues|pull|pulls|wiki|releases|actions)(?:\/\S*)?)?\/?(?:[?#]\S*)?$/i;

/** Null when it is not one. */
export function repositoryOf(text: string): Repository | null {
  const typed = text.trim();
  const bare = BARE.exec(typed);
  const address = bare ? `https://${bare[1]}/${bare[2]}` : typed;
  const page = PAGE.exec(address);
  const url = (page?.[1] ?? address).replace(/^[a-z]+:\/\//i, (scheme) => scheme.toLowerCase());
  const [, host, path] = OVER_WEB.exec(url) ?? OVER_SSH.exec(url) ?? [];
  if (host === undefined || path === undefined || host.startsWith("-")) return null;
  const last = path
    .replace(/[?#].*$/, "")
    .split("/")
    .filter(Boolean)
    .at(-1);
  const name = last?.replace(/\.git$/, "") ?? "";
  return name === "" ? null : { url, name, host };
}
