/** Gives the keys to something that is drawn only with the next frame. */

/**
 * `selector`: which part of `box` is to have them. If they have gone elsewhere by then, a person was faster than
 * the frame, and keeps them there.
 */
export function focusSoon(box: HTMLElement | null, selector: string): void {
  const from = document.activeElement;
  requestAnimationFrame(() => {
    const at = document.activeElement;
    const isHere = box?.contains(at) && !(at instanceof HTMLInputElement);
    if (at === from || at === document.body || isHere) box?.querySelector<HTMLElement>(selector)?.focus();
  });
}
