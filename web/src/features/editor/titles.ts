/** Short titles of tabs: the name, and as much of the folders as tells two of one name apart. Pure. */
import { display, nameOf } from "../../session/paths";

export function tabTitles(paths: readonly string[]): Map<string, string> {
  const titles = new Map<string, string>();
  for (const path of paths) {
    const others = paths.filter((p) => p !== path && nameOf(p) === nameOf(path));
    const parts = path.split("/");
    let used = 1;
    const tail = () => parts.slice(-used).join("/");
    while (used < parts.length && others.some((p) => p === tail() || p.endsWith(`/${tail()}`))) used++;
    titles.set(path, display(tail()));
  }
  return titles;
}
