/** Archives that a repl can take apart, by their names. Pure. */

const ENDING = /\.(?:zip|tar|tar\.gz|tgz)$/i;

/** What the browser's dialog offers. */
export const ACCEPTED = ".zip,.tar,.tar.gz,.tgz,.gz";

export const isArchive = (name: string): boolean => ENDING.test(name);

/** The name without its ending; a repl's, perhaps. */
export const archiveName = (name: string): string => name.replace(ENDING, "");
