/** The sizes that a page can be looked at in. Pure. */

export interface Device {
  id: string;
  name: string;
  /** In CSS pixels, upright; null: as large as the pane is. */
  size: { width: number; height: number } | null;
}

export const RESPONSIVE: Device = { id: "responsive", name: "As large as the pane", size: null };

export const DEVICES: readonly Device[] = [
  RESPONSIVE,
  { id: "phone", name: "Phone", size: { width: 390, height: 844 } },
  { id: "tablet", name: "Tablet", size: { width: 820, height: 1180 } },
  { id: "laptop", name: "Laptop", size: { width: 1280, height: 800 } },
];

export interface Choice {
  device: Device;
  /** Lying on its side. */
  turned: boolean;
}

export function readChoice(kept: unknown): Choice {
  const read = typeof kept === "object" && kept !== null ? (kept as Record<string, unknown>) : {};
  return {
    device: DEVICES.find((d) => d.id === read.device) ?? RESPONSIVE,
    turned: read.turned === true,
  };
}

export function sizeOf({ device, turned }: Choice): { width: number; height: number } | null {
  const { size } = device;
  return size && turned ? { width: size.height, height: size.width } : size;
}

/** How much a frame is made smaller to fit; never larger than it is. */
export function scaleOf(
  size: { width: number; height: number },
  room: { width: number; height: number },
): number {
  const scale = Math.min(1, room.width / size.width, room.height / size.height);
  return Math.max(0.05, Math.floor(scale * 100) / 100);
}
