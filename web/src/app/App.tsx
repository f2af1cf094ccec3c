/** The routes. The edit screen, which is most of the code, comes when there is time for it, or it is needed. */
import { lazy, Suspense } from "react";
import { Route, Switch } from "wouter";
import { Dashboard } from "../features/dashboard/Dashboard";
import { loadEditPage } from "../features/edit/ahead";
import { HistoryWhenOpen } from "../features/history/HistoryWhenOpen";
import { LifetimeWhenOpen } from "../features/lifetime/LifetimeWhenOpen";
import { SettingsWhenOpen } from "../features/settings/Settings";
import { SignIn } from "../features/sign-in/SignIn";
import { Toasts } from "../ui/Toasts";
import { ErrorBoundary } from "./ErrorBoundary";
import { NotFound } from "./NotFound";

const EditPage = lazy(loadEditPage);
const AdminPage = lazy(() => import("../features/admin/AdminPage"));
const CodePage = lazy(() => import("../features/code/CodePage"));

export function App() {
  return (
    <>
      <ErrorBoundary part="The page">
        <Suspense fallback={<p className="center-note muted">Loading…</p>}>
          <Switch>
            <Route path="/">
              <Dashboard />
            </Route>
            <Route path="/sign-in">
              <SignIn />
            </Route>
            <Route path="/admin">
              <AdminPage />
            </Route>
            <Route path="/r/:id/code">{({ id }) => <CodePage key={id} id={id} />}</Route>
            <Route path="/r/:id">{({ id }) => <EditPage key={id} id={id} />}</Route>
            <Route>
              <NotFound />
            </Route>
          </Switch>
        </Suspense>
      </ErrorBoundary>
      <SettingsWhenOpen />
      <HistoryWhenOpen />
      <LifetimeWhenOpen />
      <Toasts />
    </>
  );
}
