/** The settings' dialog when it is open, and the gear that opens it. */
import { Settings as Gear } from "lucide-react";
import { lazy, Suspense } from "react";
import { ErrorBoundary } from "../../app/ErrorBoundary";
import { IconButton } from "../../ui/Button";
import { useValue } from "../../ui/useValue";
import { settingsOpen } from "./open";

const SettingsDialog = lazy(() => import("./SettingsDialog"));

export function SettingsWhenOpen() {
  if (!useValue(settingsOpen)) return null;
  return (
    <ErrorBoundary part="The settings">
      <Suspense fallback={null}>
        <SettingsDialog />
      </Suspense>
    </ErrorBoundary>
  );
}

export function SettingsButton({ keys }: { keys?: string }) {
  return (
    <IconButton
      className="settings-button"
      label="Settings"
      keys={keys}
      onClick={() => settingsOpen.set(true)}
    >
      <Gear size={16} aria-hidden />
    </IconButton>
  );
}
