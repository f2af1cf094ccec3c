/** The one field that creates a repl, and the templates below it. */
import { Search } from "lucide-react";
import { type FormEvent, lazy, Suspense, useId, useState } from "react";
import { useLocation } from "wouter";
import { words } from "../../api/client";
import { MAX_REPL_NAME_CHARS, type Template } from "../../api/protocol.gen";
import { useCreateRepl, useRepls, useTemplates } from "../../api/queries";
import { Button } from "../../ui/Button";
import { HAS_KEYBOARD } from "../../ui/system";
import { keepClone } from "../import/pending";
import { repositoryOf } from "../import/repository";
import { choose } from "./choose";
import { newName } from "./name";
import { TemplateCard } from "./TemplateCard";

const ImportDialog = lazy(() => import("../import/ImportDialog"));

/** Templates that are shown at first: two rows, of those that are used most; what is below stays in sight. */
const FEW = 8;

export function NewRepl() {
  const id = useId();
  const [text, setText] = useState("");
  const [, go] = useLocation();
  const templates = useTemplates();
  const create = useCreateRepl();
  const [all, setAll] = useState(false);
  const [importing, setImporting] = useState(false);
  const repls = useRepls();
  /** For a repl that is given no name: found once the others’ are known, and then the person’s to change. */
  const [own, setOwn] = useState<string | null>(null);
  if (own === null && repls.data) {
    setOwn(
      newName(
        repls.data.map(({ name }) => name),
        Math.random,
      ),
    );
  }
  const repository = repositoryOf(text);
  const choice = choose(templates.data ?? [], repository ? "" : text);
  const few = !all && choice.shown.length > FEW;
  const shown = few ? choice.shown.slice(0, FEW) : choice.shown;
  if (choice.template && !shown.includes(choice.template)) shown.splice(-1, 1, choice.template);

  const make = (template: Template | null) => {
    if (!template || create.isPending) return;
    create.mutate(
      { template: template.name, name: choice.name || own?.trim() },
      { onSuccess: (repl) => go(`/r/${repl.id}`) },
    );
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!repository) return make(choice.template);
    if (create.isPending) return;
    create.mutate(
      { name: repository.name.slice(0, MAX_REPL_NAME_CHARS) },
      {
        onSuccess: ({ id: made }) => {
          keepClone(made, repository.url);
          go(`/r/${made}`);
        },
      },
    );
  };

  return (
    <>
      <form className="search" id={`${id}-form`} onSubmit={submit}>
        <Search size={16} aria-hidden />
        <input
          // Where a keyboard on the screen would cover the page, the field waits to be touched.
          // biome-ignore lint/a11y/noAutofocus: Making a repl is what the page is for.
          autoFocus={HAS_KEYBOARD}
          aria-label="New repl: a template’s name, a name for the repl, or a git address"
          aria-describedby={`${id}-tip`}
          placeholder="A language, a name for the repl, or a git address"
          autoComplete="off"
          spellCheck={false}
          maxLength={2000}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <Button
          type="submit"
          look="primary"
          small
          disabled={(!choice.template && !repository) || create.isPending}
        >
          {create.isPending ? "Creating…" : "Create"}
        </Button>
      </form>
      <div className="search-tip" id={`${id}-tip`}>
        {create.isError ? (
          <span className="bad-text" role="alert">
            {words(create.error)}
          </span>
        ) : repository ? (
          <>
            Enter makes <b>{repository.name}</b> from the repository at {repository.host}
          </>
        ) : (
          <Tip
            form={`${id}-form`}
            template={choice.template}
            name={choice.name}
            own={own}
            onName={setOwn}
            loaded={templates.isSuccess}
          />
        )}
      </div>
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
        {shown.map((template) => (
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
      <div className="row-gap more">
        {few && (
          <Button small onClick={() => setAll(true)}>
            All {choice.shown.length} templates
          </Button>
        )}
        <Button small aria-haspopup="dialog" onClick={() => setImporting(true)}>
          Import…
        </Button>
      </div>
      {importing && (
        <Suspense fallback={null}>
          <ImportDialog onClose={() => setImporting(false)} />
        </Suspense>
      )}
    </>
  );
}

interface TipProps {
  form: string;
  template: Template | null;
  /** As the field has it. */
  name: string;
  /** Where the field has none. */
  own: string | null;
  onName: (name: string) => void;
  loaded: boolean;
}

/** What Enter will do. A name that the person did not type can be changed here. */
function Tip({ form, template, name, own, onName, loaded }: TipProps) {
  if (!loaded) return null;
  if (!template) return <>Nothing of this can run here yet. The cards say what to install.</>;
  return (
    <>
      Enter creates{" "}
      {name === "" ? (
        <input
          className="given-name"
          form={form}
          aria-label="Name of the new repl"
          title="Change the name"
          placeholder="a repl"
          autoComplete="off"
          spellCheck={false}
          maxLength={MAX_REPL_NAME_CHARS}
          size={Math.max(6, own?.length ?? 0)}
          value={own ?? ""}
          onChange={(event) => onName(event.target.value)}
        />
      ) : (
        <b>{name}</b>
      )}{" "}
      from <b>{template.title}</b>
    </>
  );
}
