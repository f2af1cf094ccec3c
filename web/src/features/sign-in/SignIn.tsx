/** The page that asks for the token. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useId, useState } from "react";
import { useLocation, useSearch } from "wouter";
import { api, words } from "../../api/client";
import { Button } from "../../ui/Button";
import { safeNext } from "./next";

export function SignIn() {
  const id = useId();
  const [, go] = useLocation();
  const search = new URLSearchParams(useSearch());
  // The server has not taken it by itself: another site led here, or somebody else is signed in.
  const [given] = useState(search.get("token") ?? "");
  const [token, setToken] = useState(given);
  const client = useQueryClient();
  const signIn = useMutation({
    mutationFn: (typed: string) => api.signIn(typed),
    onSuccess: () => {
      // Loaded anew: nothing of whoever was here stays in the page.
      if (given) return window.location.assign("/");
      client.clear();
      go(safeNext(search.get("next")), { replace: true });
    },
  });
  useEffect(() => {
    document.title = "Sign in · Alcove";
    // Whoever looks over a shoulder, or into the history, should not find it.
    if (given) window.history.replaceState(null, "", "/sign-in");
  }, [given]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (token.trim() !== "") signIn.mutate(token.trim());
  };

  const wrongAddress = search.has("wrong") && signIn.isIdle;
  const problem = signIn.isError
    ? words(signIn.error)
    : wrongAddress
      ? "The token in that address does not hold, or not any more. Ask whoever gave you the address for a new one."
      : null;
  return (
    <main className="page">
      <form className="sign-in" onSubmit={submit}>
        <h1 className="row-gap">
          <span className="logo" aria-hidden /> Sign in to Alcove
        </h1>
        <p className="muted" id={`${id}-how`}>
          {given
            ? "This address came from another site, or somebody else is signed in here. Sign in only if you trust whoever gave it to you: what you make is that person’s."
            : "Open the address that the operator of this server gave you, or paste its token here. Alcove prints the operator’s own when it starts (alcove serve)."}
        </p>
        <label htmlFor={`${id}-token`}>Token</label>
        <input
          id={`${id}-token`}
          className="field"
          type="password"
          autoComplete="current-password"
          spellCheck={false}
          // biome-ignore lint/a11y/noAutofocus: the page has one field and nothing else to do.
          autoFocus
          value={token}
          aria-describedby={`${id}-how`}
          aria-invalid={problem !== null}
          onChange={(event) => setToken(event.target.value)}
        />
        {problem && (
          <p className="bad-text" role="alert">
            {problem}
          </p>
        )}
        <Button type="submit" look="primary" disabled={signIn.isPending}>
          {signIn.isPending ? "Signing in…" : "Sign in"}
        </Button>
      </form>
    </main>
  );
}
