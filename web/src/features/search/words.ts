/** A search's state and a replacing's outcome in words. Pure. */
import type { SearchBound } from "../../api/protocol.gen";
import { display } from "../../session/paths";
import type { ReplaceSummary, SearchState } from "../../session/search";
import { count } from "../words";

const BOUNDS: Record<SearchBound, string> = {
  matches: "There are more: look for something narrower.",
  time: "It took too long, and was ended: look in fewer files.",
  files: "There are too many files: look in fewer of them.",
};

export function searchWords({ status, files, matches, bound, skipped, problem }: SearchState): string {
  if (status === "idle") return "";
  if (status === "failed") return problem ?? "The search did not work.";
  const cut = files.some((f) => f.more) ? " Of some files only the first ones are shown." : "";
  const large = skipped > 0 ? ` ${count(skipped, "file")} too large to be opened left out.` : "";
  const found = `${count(matches, "match", "matches")} in ${count(files.length, "file")}`;
  if (status === "searching") return matches > 0 ? `Searching… ${found} so far.` : "Searching…";
  if (status === "stopped") return `Stopped. ${found} until then.${cut}`;
  if (matches === 0 && !bound)
    return `Nothing was found.${large || " Files that .gitignore names are left out."}`;
  return `${found}.${bound ? ` ${BOUNDS[bound]}` : ""}${cut}${large}`;
}

function leftAlone({ changed, failed }: ReplaceSummary): string {
  const names = (paths: string[]) =>
    paths.length <= 3 ? paths.map(display).join(", ") : count(paths.length, "file");
  const [first] = failed;
  return [
    changed.length > 0 ? ` Changed meanwhile, and left alone: ${names(changed)}.` : "",
    first ? ` Not written: ${names(failed.map((f) => f.path))} (${first.message}).` : "",
  ].join("");
}

export function replacedWords(summary: ReplaceSummary): string {
  const { matches, files } = summary;
  return `Replaced ${count(matches, "match", "matches")} in ${count(files, "file")}.${leftAlone(summary)}`;
}

export function undoneWords(summary: ReplaceSummary): string {
  return `Put back ${count(summary.files, "file")}.${leftAlone(summary)}`;
}
