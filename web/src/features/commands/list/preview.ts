/** The preview: where its page goes, how large it is looked at, and what it says. */
import { DEVICES } from "../../preview/device";
import { canGo } from "../../preview/journey";
import type { Command } from "../command";
import type { CommandContext } from "./context";

export function previewCommands({ workspace }: CommandContext): Command[] {
  const { bench } = workspace;
  const { page } = bench;
  const isThere = () => bench.layout.get().shown.preview && bench.preview.get() !== null;
  return [
    ...(["back", "forward"] as const).map(
      (to): Command => ({
        id: `preview.${to}`,
        title: to === "back" ? "Back in the preview" : "Forward in the preview",
        group: "Preview",
        keys: [],
        exists: () => isThere() && canGo(page.journey.get(), to),
        run: () => page.go(to),
      }),
    ),
    {
      id: "preview.reload",
      title: "Reload the preview",
      group: "Preview",
      also: ["refresh"],
      keys: [],
      exists: isThere,
      run: () => bench.reloadPreview(),
    },
    {
      id: "preview.console",
      title: "Show or hide the console of the app",
      group: "Preview",
      also: ["toggle console", "developer tools"],
      keys: ["Alt+Shift+J"],
      run: () => {
        const open = bench.layout.get().shown.preview && page.consoleOpen.get();
        bench.showPane("preview");
        page.consoleOpen.set(!open);
      },
    },
    {
      id: "preview.console-clear",
      title: "Clear the console of the app",
      group: "Preview",
      keys: [],
      exists: () => page.console.state.get().entries.length > 0,
      run: () => page.console.clear(),
    },
    ...DEVICES.map(
      (device): Command => ({
        id: `preview.size-${device.id}`,
        title: device.size
          ? `Show the page as on a ${device.name.toLowerCase()}, ${device.size.width} × ${device.size.height}`
          : "Show the page as large as its pane",
        group: "Preview",
        keys: [],
        exists: () => page.device.get().device !== device,
        run: () => {
          bench.showPane("preview");
          page.device.set({ device, turned: false });
        },
      }),
    ),
    {
      id: "preview.turn",
      title: "Turn the page",
      group: "Preview",
      keys: [],
      exists: () => page.device.get().device.size !== null,
      run: () => page.device.update((now) => ({ ...now, turned: !now.turned })),
    },
  ];
}

/** One for each port that a program listens on; they come and go, and have no keys. */
export function portCommands({ workspace }: CommandContext): Command[] {
  const { bench, session } = workspace;
  return (session.ports.get() ?? []).map(({ port, process }) => ({
    id: `preview.port.${port}`,
    title: process ? `Show port ${port} (${process})` : `Show port ${port}`,
    group: "Preview",
    keys: [],
    run: () => {
      bench.showPreview(port);
      bench.pane.set("preview");
    },
  }));
}
