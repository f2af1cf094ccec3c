/** The one field that creates a repl, and the templates below it. */
import { Search } from "lucide-react";
import { type FormEvent, useId, useState } from "react";
import { useLocation } from "wouter";
import { words } from "../../api/client";
import type { Template } from "../../api/protocol.gen";
import { useCreateRepl, useRepls, useTemplates } from "../../api/queries";
import { Button } from "../../ui/Button";
import { choose } from "./choose";
import { TemplateCard } from "./TemplateCard";

/** Templates that are shown to somebody who has repls already: two rows, of those that are used most. */
const FEW = 8;

export function NewRepl() {
  const id = useId();
  const [text, setText] = useState("");
  const [, go] = useLocation();
  const templates = useTemplates();
  const create = useCreateRepl();
  const repls = useRepls();
  const returning = repls.isPending || (repls.data?.length ?? 0) > 0;
  const [all, setAll] = useState(false);
  const choice = choose(templates.data ?? [], text);
  const few = returning && !all && text.trim() === "" && choice.shown.length > FEW;

  const make = (template: Template | null) => {
    if (!template || create.isPending) return;
    create.mutate(
      { template: template.name, name: choice.name },
      { onSuccess: (repl) => go(`/r/${repl.id}`) },
    );
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    make(choice.template);
  };

  return (
    <>
      <form className="search" onSubmit={submit}>
        <Search size={16} aria-hidden />
        <input
          aria-label="New repl: a template’s name, or a name for the repl"
          aria-describedby={`${id}-tip`}
          placeholder="A language, or a name for the repl"
          autoComplete="off"
          spellCheck={false}
          maxLength={120}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <Button type="submit" look="primary" small disabled={!choice.template || create.isPending}>
          {create.isPending ? "Creating…" : "Create"}
        </Button>
      </form>
      <p className="search-tip" id={`${id}-tip`}>
        {create.isError ? (
          <span className="bad-text" role="alert">
            {words(create.error)}
          </span>
        ) : (
          <Tip template={choice.template} name={choice.name} loaded={templates.isSuccess} />
        )}
      </p>
      {templates.isError && (
        <p role="alert" className="row-gap">
          <span>The templates can’t be shown. {words(templates.error)}</span>
          <Button small onClick={() => void templates.refetch()}>
            Try again
          </Button>
        </p>
      )}
      <ul className="grid" aria-label="Templates" aria-busy={templates.isPending}>
        {templates.isPending && [1, 2, 3, 4].map((n) => <li key={n} className="tpl skeleton" aria-hidden />)}
        {choice.shown.slice(0, few ? FEW : undefined).map((template) => (
          <li key={template.name}>
            <TemplateCard
              template={template}
              first={text.trim() !== "" && template === choice.template}
              busy={create.isPending}
              onCreate={() => make(template)}
            />
          </li>
        ))}
      </ul>
      {few && (
        <Button small className="more" onClick={() => setAll(true)}>
          All {choice.shown.length} templates
        </Button>
      )}
    </>
  );
}

function Tip({ template, name, loaded }: { template: Template | null; name: string; loaded: boolean }) {
  if (!loaded) return null;
  if (!template) return <>Nothing of this can run here yet. The cards say what to install.</>;
  return (
    <>
      Enter creates {name === "" ? "a repl" : <b>{name}</b>} from <b>{template.title}</b>
    </>
  );
}
