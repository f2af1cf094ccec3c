/** What a repl may use, by the name of a size: crates/server/src/lifecycle/sizes.rs. */
import type { Me, ReplSettings, ReplSize, Resources } from "../../api/protocol.gen";
import { binaryBytes, count } from "../words";

type Offered = Pick<Me, "repl_sizes" | "repl_networks">;

/** Settings that the server takes: a size or a network that it no longer offers counts as none. */
export function asOffered(settings: ReplSettings, offered: Offered): ReplSettings {
  const { size, network, ...others } = settings;
  return {
    ...others,
    ...(offered.repl_sizes.some(({ name }) => name === size) ? { size } : {}),
    ...(network !== undefined && offered.repl_networks.includes(network) ? { network } : {}),
  };
}

/** The size that holds from the next start on. */
export const sizeOf = (chosen: string | undefined, sizes: ReplSize[]): ReplSize | undefined =>
  sizes.find(({ name }) => name === chosen) ?? sizes.find(({ usual }) => usual);

export function sizeWords({ memory, processes, cpu_weight, disk }: ReplSize): string {
  const parts = [
    `${binaryBytes(memory)} of memory`,
    count(processes, "process", "processes"),
    ...(disk === null ? [] : [`${binaryBytes(disk)} of disk`]),
    ...(cpu_weight === 100 ? [] : [`${cpu_weight} % of a usual share of the processors`]),
  ];
  return parts.join(", ");
}

/** When a size holds. `resources`: of a repl that runs. */
export function holdsWords({ memory, processes }: ReplSize, resources: Resources | null): string {
  const runsAsNow =
    resources === null || (resources.max_memory === memory && resources.max_processes === processes);
  return runsAsNow
    ? "A change holds from the next start on."
    : `It holds from the next start on; now it runs with ${binaryBytes(resources.max_memory)} of memory.`;
}
