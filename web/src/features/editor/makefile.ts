/** Makefiles, for which CodeMirror has no language. */
import type { StreamParser } from "@codemirror/language";

const TOKENS: [RegExp, string | null][] = [
  [/^#.*/, "comment"],
  [/^\$(?:\([^()]*\)|\{[^{}]*\}|.)/, "macroName"],
  [/^"(?:[^"\\]|\\.)*"|^'[^']*'/, "string"],
  [/^[^#$"']+|^./, null],
];
const LINE_STARTS: [RegExp, string][] = [
  [/^-?(?:include|define|endef|ifn?eq|ifn?def|else|endif|export|unexport|override|vpath)\b/, "keyword"],
  [/^[^\s#:=$][^#:=$]*?(?=\s*(?:[:?+!]|::)?=)/, "attributeName"],
  [/^[^\s#:=][^#:=]*(?=::?(?!=))/, "tagName"],
];

export const makefile: StreamParser<unknown> = {
  name: "makefile",
  token(stream) {
    const kinds = stream.sol() ? [...LINE_STARTS, ...TOKENS] : TOKENS;
    return kinds.find(([pattern]) => stream.match(pattern))?.[1] ?? null;
  },
};
