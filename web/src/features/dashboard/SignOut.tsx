/** The button that ends the sign-in; it asks first where edits would be lost. */
import { LogOut } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { api, words } from "../../api/client";
import { noteSignOut } from "../../kept/person";
import { IconButton } from "../../ui/Button";
import { ConfirmDialog } from "../../ui/Dialog";
import { complain } from "../../ui/toasts";
import { count } from "../words";

/** What the sign-out waits for the browser's own store. */
const PATIENCE_MS = 2_000;

const loadKept = () => import("../../kept/database");

/** With `onAnswer` it was asked for by another way than the button, which is not shown then. */
export function SignOut({ onAnswer }: { onAnswer?: () => void }) {
  /** Files with edits that are not saved, once the person was told of them. */
  const [unsaved, setUnsaved] = useState(0);
  const [busy, setBusy] = useState(false);
  const asked = useRef(onAnswer !== undefined);
  const leave = async () => {
    setBusy(true);
    try {
      await api.signOut();
    } catch (error) {
      setBusy(false);
      setUnsaved(0);
      onAnswer?.();
      return complain(words(error));
    }
    await Promise.race([noteSignOut().catch(() => {}), new Promise((late) => setTimeout(late, PATIENCE_MS))]);
    // Loaded anew: nothing of whoever was here stays in the page.
    window.location.assign("/sign-in");
  };
  const ask = async () => {
    const files = await loadKept().then(
      ({ countUnsaved }) => countUnsaved(),
      () => 0,
    );
    if (files > 0) setUnsaved(files);
    else await leave();
  };
  useEffect(() => {
    if (!asked.current) return;
    asked.current = false;
    void ask();
  });
  return (
    <>
      {onAnswer === undefined && (
        <IconButton label="Sign out" disabled={busy} onClick={() => void ask()}>
          <LogOut size={16} aria-hidden />
        </IconButton>
      )}
      {unsaved > 0 && (
        <ConfirmDialog
          title="Sign out?"
          action="Sign out"
          busy={busy}
          onConfirm={() => void leave()}
          onCancel={() => {
            setUnsaved(0);
            onAnswer?.();
          }}
        >
          Edits in {count(unsaved, "file")} are not saved yet. Signing out deletes them from this browser.
        </ConfirmDialog>
      )}
    </>
  );
}
