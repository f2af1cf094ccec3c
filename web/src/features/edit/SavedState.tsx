/** Whether all is saved, in words; a click on them lists the files that are not. */
import { useCallback, useState } from "react";
import type { Saved } from "../../api/protocol.gen";
import type { SaveMark } from "../../session/document";
import { display, ofStored } from "../../session/paths";
import { Menu, type Point } from "../../ui/Menu";
import { useValue } from "../../ui/useValue";
import { useNarrow } from "../panes/useSize";
import { savedWords } from "../words";
import { useWorkspace } from "./workspace";

const TONES = { ok: "ok", warn: "warn", bad: "bad", quiet: "" } as const;

export function SavedState({ saved, storeIsLocal }: { saved: Saved; storeIsLocal: boolean }) {
  const { session, bench } = useWorkspace();
  const { waiting, marks } = useValue(session.documents.summary);
  const [menu, setMenu] = useState<Point | null>(null);
  const close = useCallback(() => setMenu(null), []);
  const unsafe = [...marks].filter(([, mark]) => mark !== "safe");
  const unstored = unsafe.filter(([, mark]) => mark === "disk").length;
  const { text, short, tone } = savedWords(saved, waiting, unstored, storeIsLocal);
  const refused = new Set(saved.state === "partly" ? saved.paths.map(ofStored) : []);
  const why = (path: string, mark: SaveMark) => {
    if (mark === "typed") return "not on disk yet";
    return refused.has(path) ? "too much to be saved" : "on disk, not saved yet";
  };
  const items = unsafe.map(([path, mark]) => ({
    label: `${display(path)}: ${why(path, mark)}`,
    run: () => bench.openFile(path),
  }));
  const said = useNarrow() ? short : text;
  const list = (label: string) => (
    <button
      type="button"
      className="link-btn"
      aria-haspopup="menu"
      aria-expanded={menu !== null}
      onClick={(event) => {
        const box = event.currentTarget.getBoundingClientRect();
        setMenu({ x: box.left, y: box.bottom + 6 });
      }}
    >
      {label}
    </button>
  );
  return (
    <span className="saved">
      <span className={`dot ${TONES[tone]}`} aria-hidden />
      <span role="status" title={"message" in saved ? saved.message : undefined}>
        {items.length > 0 ? list(said) : said}
      </span>
      {menu && items.length > 0 && (
        <Menu label="Files that are not saved" at={menu} items={items} onClose={close} />
      )}
    </span>
  );
}
