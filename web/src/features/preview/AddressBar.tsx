/** The preview's address: the port, and the path that is asked for. */
import { type FormEvent, useEffect, useState } from "react";
import type { PreviewWish } from "../edit/bench";
import { useWorkspace } from "../edit/workspace";
import { typedPath } from "./choose";

export function AddressBar({ wish, ports }: { wish: PreviewWish | null; ports: number[] }) {
  const { bench } = useWorkspace();
  const [path, setPath] = useState(wish?.path ?? "/");
  useEffect(() => setPath(wish?.path ?? "/"), [wish]);

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
        onChange={(event) => setPath(event.target.value)}
      />
    </form>
  );
}
