/** The coloured square with a template's letters. */
import type { CSSProperties } from "react";
import { tint } from "./tint";

export function Tile({ name, icon }: { name: string; icon: string }) {
  const style: CSSProperties & Record<"--h", string> = { "--h": tint(name) };
  return (
    <span className="tile" style={style} aria-hidden>
      {icon}
    </span>
  );
}
