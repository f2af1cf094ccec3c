/** What system the browser runs on: Apple's have other modifier keys. */
export const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

/** Typing needs no keyboard on the screen, which would take half of it. */
export const HAS_KEYBOARD = globalThis.matchMedia?.("(pointer: fine)").matches ?? true;
