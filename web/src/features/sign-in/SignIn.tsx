/** The page that asks for the token. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useId, useState } from "react";
import { useLocation, useSearch } from "wouter";
import { api, words } from "../../api/client";
import { Button } from "../../ui/Button";
import { safeNext } from "./next";

export function SignIn() {
  const id = useId();
  const [token, setToken] = useState("");
  const [, go] = useLocation();
  const search = new URLSearchParams(useSearch());
  const client = useQueryClient();
  const signIn = useMutation({
    mutationFn: (typed: string) => api.signIn(typed),
    onSuccess: () => {
      client.clear();
      go(safeNext(search.get("next")), { replace: true });
    },
  });
  useEffect(() => {
    document.title = "Sign in · Alcove";
  }, []);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (token.trim() !== "") signIn.mutate(token.trim());
  };

  const wrongAddress = search.has("wrong") && signIn.isIdle;
  const problem = signIn.isError
    ? words(signIn.error)
    : wrongAddress
      ? "The token in that address is not right."
      : null;
  return (
    <main className="page">
      <form className="sign-in" onSubmit={submit}>
        <h1 className="row-gap">
          <span className="logo" aria-hidden /> Sign in to Alcove
        </h1>
        <p className="muted" id={`${id}-how`}>
          When Alcove starts (<code>alcove serve</code>) it prints an address with a token. Open that address,
          or paste the token here.
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
