/** In the status line: the language of the file that is shown, that its first line may say. */
import { useCallback, useSyncExternalStore } from "react";
import type { OpenDocument } from "../../session/document";
import { useValue } from "../../ui/useValue";
import { useWorkspace } from "../edit/workspace";
import { languageOf } from "./languages";

const named = (path: string, firstLine?: string) => languageOf(path, firstLine)?.name ?? "Plain text";

export function LanguageName({ path }: { path: string }) {
  const { session } = useWorkspace();
  // It tells when a document has come.
  useValue(session.documents.summary);
  const document = session.documents.get(path);
  if (languageOf(path) || !document) return <span>{named(path)}</span>;
  return <ByFirstLine document={document} path={path} />;
}

function ByFirstLine({ document, path }: { document: OpenDocument; path: string }) {
  const text = useValue(document.replica)?.text;
  const subscribe = useCallback(
    (changed: () => void) => {
      text?.observe(changed);
      return () => text?.unobserve(changed);
    },
    [text],
  );
  const name = useSyncExternalStore(subscribe, () => named(path, /^.*/.exec(text?.toString() ?? "")?.[0]));
  return <span>{name}</span>;
}
