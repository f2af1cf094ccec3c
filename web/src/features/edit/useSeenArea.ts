/**
 * The part of the screen that a keyboard on it leaves free (`visualViewport`): style sheets read it, so that
 * the bottom of the page stands on the keyboard.
 */
import { useEffect } from "react";

/** A bar of the browser takes less than this, a keyboard more. */
const KEYBOARD_PX = 140;

export function useSeenArea(): void {
  useEffect(() => {
    const seen = window.visualViewport;
    if (!seen) return;
    const { documentElement: root } = document;
    const follow = () => {
      // While the page is enlarged by two fingers, it stays as it is.
      if (seen.scale > 1.01) return;
      root.style.setProperty("--seen-top", `${Math.round(seen.offsetTop)}px`);
      root.style.setProperty("--seen-height", `${Math.round(seen.height)}px`);
      root.toggleAttribute("data-keyboard", window.innerHeight - seen.height > KEYBOARD_PX);
    };
    follow();
    seen.addEventListener("resize", follow);
    seen.addEventListener("scroll", follow);
    return () => {
      seen.removeEventListener("resize", follow);
      seen.removeEventListener("scroll", follow);
      root.style.removeProperty("--seen-top");
      root.style.removeProperty("--seen-height");
      root.removeAttribute("data-keyboard");
    };
  }, []);
}
