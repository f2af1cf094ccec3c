/** On a small screen: which pane is shown. */
import { Code, Folder, Globe, SquareTerminal } from "lucide-react";
import { useValue } from "../../ui/useValue";
import type { Pane } from "./bench";
import { useWorkspace } from "./workspace";

const ENTRIES = [
  { pane: "files", label: "Files", icon: Folder, needs: { files: true } },
  { pane: "code", label: "Code", icon: Code, needs: {} },
  { pane: "shell", label: "Shell", icon: SquareTerminal, needs: { terminal: true } },
  { pane: "preview", label: "Preview", icon: Globe, needs: { preview: true } },
] as const;

export function Dock() {
  const { bench } = useWorkspace();
  const pane = useValue(bench.pane);
  const show = (next: Pane, needs: (typeof ENTRIES)[number]["needs"]) => {
    bench.arrange(needs);
    bench.pane.set(next);
  };
  return (
    <nav className="dock" aria-label="Panes">
      {ENTRIES.map(({ pane: name, label, icon: Icon, needs }) => (
        <button
          key={name}
          type="button"
          aria-current={pane === name ? "page" : undefined}
          onClick={() => show(name, needs)}
        >
          <Icon size={18} aria-hidden />
          {label}
        </button>
      ))}
    </nav>
  );
}
