/** Chooses the size in which the page is looked at. */
import { Check, MonitorSmartphone, RotateCcwSquare } from "lucide-react";
import { useCallback, useState } from "react";
import { IconButton } from "../../ui/Button";
import { Menu, type Point } from "../../ui/Menu";
import { useValue } from "../../ui/useValue";
import { useWorkspace } from "../edit/workspace";
import { DEVICES } from "./device";

export function DeviceButton() {
  const { page } = useWorkspace().bench;
  const choice = useValue(page.device);
  const [menu, setMenu] = useState<Point | null>(null);
  const close = useCallback(() => setMenu(null), []);
  const isSized = choice.device.size !== null;
  return (
    <>
      <IconButton
        label="Size of the page"
        aria-haspopup="menu"
        aria-expanded={menu !== null}
        aria-pressed={isSized}
        onClick={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          setMenu({ x: box.left, y: box.bottom + 2 });
        }}
      >
        <MonitorSmartphone size={15} aria-hidden />
      </IconButton>
      {isSized && (
        <IconButton
          label="Turn the page"
          aria-pressed={choice.turned}
          onClick={() => page.device.set({ ...choice, turned: !choice.turned })}
        >
          <RotateCcwSquare size={15} aria-hidden />
        </IconButton>
      )}
      {menu && (
        <Menu
          label="Size of the page"
          at={menu}
          onClose={close}
          items={DEVICES.map((device) => ({
            label: device.size ? `${device.name}, ${device.size.width} × ${device.size.height}` : device.name,
            icon: device === choice.device ? <Check size={14} aria-label="chosen" /> : undefined,
            run: () => page.device.set({ device, turned: false }),
          }))}
        />
      )}
    </>
  );
}
