/** The history's dialog when it is open; its code comes when it is first asked for. */
import { lazy, Suspense } from "react";
import { ErrorBoundary } from "../../app/ErrorBoundary";
import { useValue } from "../../ui/useValue";
import { historyOpen } from "./open";

const HistoryDialog = lazy(() => import("./HistoryDialog"));

export function HistoryWhenOpen() {
  const of = useValue(historyOpen);
  if (!of) return null;
  return (
    <ErrorBoundary part="The history">
      <Suspense fallback={null}>
        <HistoryDialog key={`${of.id}/${of.path ?? ""}`} of={of} />
      </Suspense>
    </ErrorBoundary>
  );
}
