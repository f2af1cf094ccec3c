/** What the person chose, as it is in the editor. */
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import type { Settings } from "../../api/protocol.gen";

export function preferences({ editor_font_px, editor_font, tab_columns, word_wrap }: Settings): Extension {
  return [
    EditorState.tabSize.of(tab_columns),
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
