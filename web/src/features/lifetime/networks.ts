/** What a repl's programs may reach: crates/server/src/lifecycle/networks.rs. */
import type { ReplNetwork } from "../../api/protocol.gen";

const WORDS: Record<ReplNetwork, { name: string; means: string }> = {
  none: {
    name: "nothing outside",
    means:
      "They reach each other, and its preview works. They download and send nothing; a page of the preview that is open in a browser still can.",
  },
  registries: {
    name: "package registries",
    means:
      "Packages can be installed from the registries that the server lists; nothing else outside is reached.",
  },
  internet: { name: "the internet", means: "Public addresses; never the server's own network." },
};

export const networkName = (network: ReplNetwork): string => WORDS[network].name;

/** The one that holds from the next start on; none where there is nothing to choose from. */
export const networkOf = (
  chosen: ReplNetwork | undefined,
  offered: ReplNetwork[],
): ReplNetwork | undefined => (chosen !== undefined && offered.includes(chosen) ? chosen : offered.at(-1));

/** What it means, and when it holds. `now`: of a repl that runs. */
export function networkWords(network: ReplNetwork, now: ReplNetwork | null): string {
  const when =
    now === null || now === network
      ? "A change holds from the next start on."
      : `It holds from the next start on; now they reach ${networkName(now)}.`;
  return `${WORDS[network].means} ${when}`;
}
