/** The preview's address: the port, and the path that is asked for. */
import { type FormEvent, useEffect, useRef, useState } from "react";
import type { PreviewWish } from "../edit/bench";
import { useWorkspace } from "../edit/workspace";
import { typedPath } from "./choose";

interface AddressBarProps {
  wish: PreviewWish | null;
  /** Where the page is by now. */
  path: string;
  ports: number[];
}

export function AddressBar({ wish, path: at, ports }: AddressBarProps) {
  const { bench } = useWorkspace();
  const [path, setPath] = useState(at);
  const editing = useRef(false);
  // What somebody is typing is theirs, wherever the page goes meanwhile.
  useEffect(() => {
    if (!editing.current) setPath(at);
  }, [at]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: A load from scratch ends what is typed.
  useEffect(() => {
    editing.current = false;
    setPath(at);
  }, [wish]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (wish) bench.showPreview(wish.port, typedPath(path));
  };
  const choices = wish && !ports.includes(wish.port) ? [wish.port, ...ports] : ports;
  return (
    <form className="address" onSubmit={submit}>
      {choices.length > 1 ? (
        <select
          aria-label="Port"
          value={wish?.port ?? ""}
          onChange={(event) => bench.showPreview(Number(event.target.value))}
        >
          {!wish && <option value="">Port</option>}
          {choices.map((port) => (
            <option key={port} value={port}>
              :{port}
            </option>
          ))}
        </select>
      ) : (
        <output aria-label="Port">{wish ? `:${wish.port}` : ""}</output>
      )}
      <input
        aria-label="Preview path"
        spellCheck={false}
        autoComplete="off"
        disabled={!wish}
        value={path}
        onChange={(event) => {
          editing.current = true;
          setPath(event.target.value);
        }}
        onBlur={() => {
          editing.current = false;
          setPath(at);
        }}
      />
    </form>
  );
}
