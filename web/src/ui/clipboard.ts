/** Copying text, also where the browser's clipboard is not to be had: over plain http it is not. */

/** Whether it is on the clipboard now. Without a person's click or key just before, browsers may refuse. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** Selects the text in a field that nobody sees, and has the browser copy the selection. */
function copyBySelection(text: string): boolean {
  const before = document.activeElement;
  const field = document.createElement("textarea");
  field.value = text;
  field.setAttribute("aria-hidden", "true");
  field.style.cssText = "position:fixed;left:-9999px;top:0";
  document.body.append(field);
  field.select();
  try {
    // Deprecated, and the only way on pages that are not secure contexts (W3C Clipboard API §3).
    return document.execCommand("copy");
  } finally {
    field.remove();
    if (before instanceof HTMLElement) before.focus();
  }
}
