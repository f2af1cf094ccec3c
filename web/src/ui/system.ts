/** What system the browser runs on: Apple's have other modifier keys. */
export const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
