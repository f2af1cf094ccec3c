/** Whether all is saved, in words; a click lists the files that are not. */
import { useCallback, useState } from "react";
import type { Saved } from "../../api/protocol.gen";
import { display } from "../../session/paths";
import { Menu, type Point } from "../../ui/Menu";
import { useValue } from "../../ui/useValue";
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
  const { text, tone } = savedWords(saved, waiting, unstored, storeIsLocal);
  const items = unsafe.map(([path, mark]) => ({
    label: `${display(path)}: ${mark === "typed" ? "not on disk yet" : "on disk, not saved yet"}`,
    run: () => bench.openFile(path),
  }));
  return (
    <span className="saved">
      <span className={`dot ${TONES[tone]}`} aria-hidden />
      <span role="status" title={saved.state === "failing" ? saved.message : undefined}>
        {text}
      </span>
      {items.length > 0 && (
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
          {items.length === 1 ? "1 file" : `${items.length} files`}
        </button>
      )}
      {menu && items.length > 0 && (
        <Menu label="Files that are not saved" at={menu} items={items} onClose={close} />
      )}
    </span>
  );
}
