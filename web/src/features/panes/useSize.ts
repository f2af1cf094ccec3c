/** The size of an element, and whether the screen is a small one. */
import { type RefObject, useEffect, useLayoutEffect, useState } from "react";
import type { Extent } from "./layout";

/** As in the style sheets. */
const NARROW = "(max-width: 720px)";

export function useSize(ref: RefObject<HTMLElement | null>): Extent | null {
  const [size, setSize] = useState<Extent | null>(null);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const measure = () => {
      const { clientWidth: width, clientHeight: height } = element;
      setSize((now) => (now?.width === width && now.height === height ? now : { width, height }));
    };
    // Before anything is drawn: a program must not be drawn in one size, and a moment later in another.
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  return size;
}

export function useNarrow(): boolean {
  const [narrow, setNarrow] = useState(() => window.matchMedia(NARROW).matches);
  useEffect(() => {
    const media = window.matchMedia(NARROW);
    const change = () => setNarrow(media.matches);
    media.addEventListener("change", change);
    return () => media.removeEventListener("change", change);
  }, []);
  return narrow;
}
