/** What a repl's programs may reach. Where the server allows one thing there is nothing to choose. */
import { useId } from "react";
import type { ReplNetwork, ReplState } from "../../api/protocol.gen";
import { networkName, networkOf, networkWords } from "./networks";

interface NetworkFieldProps {
  chosen: ReplNetwork | undefined;
  offered: ReplNetwork[];
  state: ReplState;
  onChange: (network: ReplNetwork | undefined) => void;
}

export function NetworkField({ chosen, offered, state, onChange }: NetworkFieldProps) {
  const id = useId();
  const now = networkOf(chosen, offered);
  const usual = networkOf(undefined, offered);
  if (!now || offered.length < 2) return null;
  const choose = (value: string) => {
    const network = offered.find((one) => one === value);
    onChange(network === usual ? undefined : network);
  };
  return (
    <div className="setting">
      <label htmlFor={id}>Its programs reach</label>
      <select
        id={id}
        className="field"
        value={now}
        aria-describedby={`${id}-note`}
        onChange={(event) => choose(event.target.value)}
      >
        {offered.map((network) => (
          <option key={network} value={network}>
            {network === usual ? `${networkName(network)} (usual)` : networkName(network)}
          </option>
        ))}
      </select>
      <span id={`${id}-note`} className="setting-note faint">
        {networkWords(now, state.network)}
      </span>
    </div>
  );
}
