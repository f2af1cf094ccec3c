/** Searching in all files. */
import { queryOf } from "../../search/form";
import type { Command } from "../command";
import type { CommandContext } from "./context";

/** Longest selection that is looked for when the search is opened: a name, not a passage. */
const MOST_UNITS = 200;

export function searchCommands({ workspace }: CommandContext): Command[] {
  const { bench, session } = workspace;
  const open = (replacing: boolean) => {
    const view = bench.editor;
    const { from, to } = view?.state.selection.main ?? { from: 0, to: 0 };
    const selected = to - from <= MOST_UNITS ? (view?.state.sliceDoc(from, to) ?? "") : "";
    const isWanted = selected !== "" && !selected.includes("\n") && view?.hasFocus === true;
    bench.search.update((form) => ({
      ...form,
      replacing: replacing || form.replacing,
      pattern: isWanted ? selected : form.pattern,
      regex: isWanted ? false : form.regex,
    }));
    const query = queryOf(bench.search.get());
    if (isWanted && query) session.search.start(query);
    bench.showSide("search");
    bench.focusSide.set("search");
  };
  return [
    {
      id: "search.open",
      title: "Search in all files",
      group: "Search",
      also: ["find in files"],
      keys: ["Mod+Shift+F"],
      run: () => open(false),
    },
    {
      id: "search.replace",
      title: "Replace in all files",
      group: "Search",
      also: ["replace in files"],
      keys: ["Mod+Shift+H"],
      exists: () => session.mayChange,
      run: () => open(true),
    },
    {
      id: "search.close",
      title: "Close the search",
      group: "Search",
      keys: [],
      exists: () => bench.layout.get().shown.search,
      run: () => {
        bench.closeSearch();
        bench.focusSide.set("files");
      },
    },
  ];
}
