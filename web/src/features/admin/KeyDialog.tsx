/** The address with which somebody signs in. It is told this once. */
import { useState } from "react";
import type { NewKey } from "../../api/protocol.gen";
import { Button } from "../../ui/Button";
import { copyText } from "../../ui/clipboard";
import { Modal } from "../../ui/Modal";
import { complain } from "../../ui/toasts";
import { count } from "../words";

export function KeyDialog({
  made: { name, address, repls },
  onClose,
}: {
  made: NewKey;
  onClose: () => void;
}) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    if (await copyText(address)) setCopied(true);
    else complain("This browser does not let pages copy. Select the address, and copy it by hand.");
  };
  return (
    <Modal title={`${name} signs in here`} onClose={onClose}>
      <div className="form">
        <p>
          Send {name} this address. Whoever opens it is {name}. It can’t be shown again; a new one can be made
          at any time.
        </p>
        {repls > 0 && (
          <p>
            {count(repls, "repl")} {repls === 1 ? "is" : "are"} theirs. Is this somebody else of that name?
            Then send them away, and let them in under another.
          </p>
        )}
        <input
          className="field"
          aria-label={`Sign-in address of ${name}`}
          readOnly
          value={address}
          onFocus={(event) => event.target.select()}
        />
        <div className="dialog-actions">
          <Button onClick={onClose}>Done</Button>
          <Button look="primary" data-autofocus onClick={() => void copy()}>
            {copied ? "Copied" : "Copy the address"}
          </Button>
        </div>
      </div>
    </Modal>
  );
}
