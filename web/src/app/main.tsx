/** The page's beginning. */
import "../styles/tokens.css";
import "../styles/base.css";
import "../styles/overlay.css";
import "../styles/dashboard.css";
import "../styles/settings.css";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { navigate } from "wouter/use-browser-location";
import { onSignedOut } from "../api/client";
import { isFinal, knownUser } from "../api/queries";
import { onOtherUser } from "../kept/person";
import { App } from "./App";

const client = new QueryClient({
  defaultOptions: {
    queries: { retry: (failures, error) => failures < 3 && !isFinal(error), staleTime: 5_000 },
    // What a person asks for is tried now, and its failure told; not queued behind their back.
    mutations: { networkMode: "always" },
  },
});

onSignedOut(() => {
  client.clear();
  const here = window.location.pathname;
  if (here !== "/sign-in") navigate(`/sign-in?next=${encodeURIComponent(here)}`, { replace: true });
});

// Loaded anew: nothing of whoever was here stays in the page.
onOtherUser((user) => {
  const known = knownUser(client);
  if (user !== null && (known === null || known === user)) return;
  const here = window.location.pathname;
  if (user !== null || here === "/sign-in") window.location.reload();
  else window.location.replace(`/sign-in?next=${encodeURIComponent(here)}`);
});

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <App />
      </QueryClientProvider>
    </StrictMode>,
  );
}
