/** The bar between two panes: drag it, or move it with the arrow keys (Shift: faster; Home, End: all the way). */
import { type CSSProperties, type KeyboardEvent, type PointerEvent, useRef } from "react";

interface SplitterProps {
  label: string;
  /** `vertical`: a bar that stands, between panes side by side. */
  orientation: "vertical" | "horizontal";
  /** Size of the pane that it belongs to, in pixels. */
  value: number;
  min: number;
  max: number;
  style?: CSSProperties;
  onChange: (value: number) => void;
}

const STEP = 16;

export function Splitter({ label, orientation, value, min, max, style, onChange }: SplitterProps) {
  const drag = useRef<{ at: number; value: number } | null>(null);
  const set = (wanted: number) => onChange(Math.round(Math.max(min, Math.min(max, wanted))));
  const along = (event: PointerEvent) => (orientation === "vertical" ? event.clientX : event.clientY);

  const key = (event: KeyboardEvent) => {
    const [less, more] = orientation === "vertical" ? ["ArrowLeft", "ArrowRight"] : ["ArrowUp", "ArrowDown"];
    const step = event.shiftKey ? STEP * 4 : STEP;
    if (event.key === less) set(value - step);
    else if (event.key === more) set(value + step);
    else if (event.key === "Home") set(min);
    else if (event.key === "End") set(max);
    else return;
    event.preventDefault();
  };

  return (
    // biome-ignore lint/a11y/useSemanticElements: a focusable separator is a control (WAI-ARIA window splitter), an hr is not.
    <div
      className={`splitter ${orientation}`}
      role="separator"
      tabIndex={0}
      aria-label={label}
      aria-orientation={orientation}
      aria-valuenow={Math.round(value)}
      aria-valuemin={Math.round(min)}
      aria-valuemax={Math.round(max)}
      style={style}
      onKeyDown={key}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        // Captured, the pointer is ours over frames too.
        event.currentTarget.setPointerCapture(event.pointerId);
        drag.current = { at: along(event), value };
      }}
      onPointerMove={(event) => {
        if (drag.current) set(drag.current.value + along(event) - drag.current.at);
      }}
      onPointerUp={() => {
        drag.current = null;
      }}
      onPointerCancel={() => {
        drag.current = null;
      }}
    />
  );
}
