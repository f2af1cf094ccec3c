/** Where a pane that is being dragged would go. */
import { useValue } from "../../ui/useValue";
import { dragging } from "./drag";

export function DropMark() {
  const drag = useValue(dragging);
  if (!drag) return null;
  const { at, name, drop } = drag;
  return (
    <div className="dragging" aria-hidden>
      {drop && (
        <div
          className="drop-mark"
          style={{ left: drop.box.x, top: drop.box.y, width: drop.box.width, height: drop.box.height }}
        />
      )}
      <div className="drag-name" style={{ left: at.x + 12, top: at.y + 10 }}>
        {name}
      </div>
    </div>
  );
}
