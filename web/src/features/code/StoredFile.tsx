/** One file of a state: its text, a picture, or a way to download it. */
import { useQueryClient } from "@tanstack/react-query";
import { ArrowLeft } from "lucide-react";
import { type RefObject, useRef, useState } from "react";
import { addresses, api, words } from "../../api/client";
import type { StoredItem } from "../../api/protocol.gen";
import { display, nameOf } from "../../session/paths";
import { Button, IconButton } from "../../ui/Button";
import { copyText } from "../../ui/clipboard";
import { complain, toast } from "../../ui/toasts";
import { MAX_TEXT_BYTES } from "../history/content";
import { bringBack, refetchPast, useContent } from "../history/queries";
import { isText, kindOf } from "../viewer/kind";
import { bytes } from "../words";
import { StoredText } from "./StoredText";

/** The text that edits begin from, and its hash; null before it is loaded. */
type Base = RefObject<{ text: string; hash: string | null } | null>;

interface StoredFileProps {
  id: string;
  state: number | "latest";
  item: StoredItem;
  mayEdit: boolean;
  onDirty: (dirty: boolean) => void;
  onHistory: () => void;
  onBack: () => void;
}

export function StoredFile({ id, state, item, mayEdit, onDirty, onHistory, onBack }: StoredFileProps) {
  const client = useQueryClient();
  const { path } = item;
  const isPicture = kindOf(path) === "image" && !isText(path);
  const isLarge = item.size > MAX_TEXT_BYTES;
  const base: Base = useRef(null);
  const text = useRef("");
  const [dirty, setDirty] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [life, setLife] = useState(0);
  const mark = (now: boolean) => {
    setDirty(now);
    onDirty(now);
  };
  const save = async () => {
    if (busy || !dirty || !base.current) return;
    setBusy(true);
    setProblem(null);
    const written = text.current;
    try {
      const hash = await api.writeStored(id, path, written, base.current.hash);
      base.current = { text: written, hash };
      client.setQueryData(["content", id, state, path], { kind: "text", text: written, hash });
      // More may have been typed meanwhile.
      mark(text.current !== written);
      refetchPast(client, id);
      toast(`${display(nameOf(path))} is saved.`);
    } catch (error) {
      setProblem(words(error));
    }
    setBusy(false);
  };
  /** Drops the edits, and shows what is there now. */
  const giveUp = () => {
    mark(false);
    setProblem(null);
    base.current = null;
    client.removeQueries({ queryKey: ["content", id, state, path] });
    refetchPast(client, id);
    setLife(life + 1);
  };
  const copy = async () => {
    if (await copyText(text.current)) toast("Your text is copied.");
    else complain("The browser does not let this page copy: allow it, or use https.");
  };
  const restore = async () => {
    if (state === "latest") return;
    setBusy(true);
    await bringBack(client, id, state, path).catch((error: unknown) => complain(words(error)));
    setBusy(false);
  };
  return (
    <>
      <header className="state-head code-head">
        <IconButton className="code-back" label="Back to the files" onClick={onBack}>
          <ArrowLeft size={16} aria-hidden />
        </IconButton>
        <h2>{display(path)}</h2>
        <span className="muted small">{bytes(item.size)}</span>
        <span className="spacer" />
        {mayEdit && dirty && (
          <Button small look="primary" disabled={busy} onClick={() => void save()}>
            {busy ? "Saving…" : "Save"}
          </Button>
        )}
        {state !== "latest" && (
          <Button small look="primary" disabled={busy} onClick={() => void restore()}>
            Bring this file back
          </Button>
        )}
        <Button small onClick={onHistory}>
          History of this file
        </Button>
        <a className="btn small-btn" href={`${addresses.stateFile(id, state, path)}?download=true`} download>
          Download
        </a>
      </header>
      {problem && (
        <div className="code-problem row-gap" role="alert">
          <span>{problem} Your text is still here.</span>
          <Button small onClick={() => void copy()}>
            Copy my text
          </Button>
          <Button small onClick={giveUp}>
            Give it up
          </Button>
        </div>
      )}
      {isPicture ? (
        <div className="code-picture">
          <img src={addresses.stateFile(id, state, path)} alt={display(nameOf(path))} />
        </div>
      ) : isLarge ? (
        <p className="center-note muted">
          This file has more than {bytes(MAX_TEXT_BYTES)}, too much to show here.
        </p>
      ) : (
        <Text
          key={life}
          id={id}
          state={state}
          item={item}
          mayEdit={mayEdit || dirty}
          base={base}
          dirty={dirty}
          onText={(now) => {
            text.current = now;
            mark(now !== base.current?.text);
          }}
          onSave={() => void save()}
        />
      )}
    </>
  );
}

interface TextProps extends Pick<StoredFileProps, "id" | "state" | "item" | "mayEdit"> {
  base: Base;
  dirty: boolean;
  onText: (text: string) => void;
  onSave: () => void;
}

function Text({ id, state, item, mayEdit, base, dirty, onText, onSave }: TextProps) {
  const content = useContent(id, state, item.path);
  const { data } = content;
  // What is loaded anew must not take the place of what is being edited.
  if (data?.kind === "text" && !dirty) base.current = { text: data.text, hash: data.hash };
  if (base.current) {
    return (
      <StoredText
        path={item.path}
        text={base.current.text}
        readOnly={!mayEdit}
        onText={onText}
        onSave={onSave}
      />
    );
  }
  if (content.isError) {
    return (
      <p role="alert" className="center-note">
        The file can’t be shown. {words(content.error)}{" "}
        <Button small onClick={() => void content.refetch()}>
          Try again
        </Button>
      </p>
    );
  }
  if (!data) return <div className="skeleton code-wait" aria-busy="true" />;
  return (
    <p className="center-note muted">
      {data.kind === "absent"
        ? "It is not there any more."
        : "This file is no text. Download it to look at it."}
    </p>
  );
}
