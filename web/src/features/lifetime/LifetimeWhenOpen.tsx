/** The dialog of how a repl runs when it is open; its code comes when it is first asked for. */
import { lazy, Suspense } from "react";
import { ErrorBoundary } from "../../app/ErrorBoundary";
import { useValue } from "../../ui/useValue";
import { lifetimeOpen } from "./open";

const LifetimeDialog = lazy(() => import("./LifetimeDialog"));

export function LifetimeWhenOpen() {
  const id = useValue(lifetimeOpen);
  if (id === null) return null;
  return (
    <ErrorBoundary part="How it runs">
      <Suspense fallback={null}>
        <LifetimeDialog key={id} id={id} />
      </Suspense>
    </ErrorBoundary>
  );
}
