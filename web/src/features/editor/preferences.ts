/** What the person chose, as it is in the editor. */
import { indentUnit } from "@codemirror/language";
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import type { Settings } from "../../api/protocol.gen";
import type { FileFormat } from "./format/formats";
import { unitOf } from "./format/indent";

/** How the file is indented, and where its lines should end. */
export function formatting({ indent, tabWidth, maxLine }: FileFormat): Extension {
  return [
    indentUnit.of(unitOf(indent)),
    EditorState.tabSize.of(tabWidth),
    maxLine === null ? [] : ruler(maxLine),
  ];
}

/** A line behind a column. The text begins 6 px from the edge, as CodeMirror's own theme has it. */
function ruler(column: number): Extension {
  return EditorView.theme({
    ".cm-content": {
      backgroundImage: "linear-gradient(var(--line), var(--line))",
      backgroundRepeat: "no-repeat",
      backgroundSize: "1px 100%",
      backgroundPosition: `calc(${column}ch + 6px) 0`,
    },
  });
}

export function preferences({ editor_font_px, editor_font, word_wrap }: Settings): Extension {
  return [
    word_wrap ? EditorView.lineWrapping : [],
    EditorView.theme({
      "&": { fontSize: `${editor_font_px}px` },
      ".cm-scroller": {
        fontFamily: editor_font === "" ? "var(--font-code)" : `${editor_font}, var(--font-code)`,
      },
    }),
  ];
}

/** Vim's keys, fetched when somebody wants them. `save`: what `:w` does. */
export async function vimKeys(save: () => void): Promise<Extension> {
  const { vim, Vim } = await import("@replit/codemirror-vim");
  Vim.defineEx("write", "w", save);
  return vim();
}
