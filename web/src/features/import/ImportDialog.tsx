/** Makes a repl from what a person has: an archive, a folder, a git repository. */
import { Archive, Folder } from "lucide-react";
import { type DragEvent, type FormEvent, useId, useRef, useState } from "react";
import { useLocation } from "wouter";
import { words } from "../../api/client";
import { useCreateRepl } from "../../api/queries";
import { Button } from "../../ui/Button";
import { Modal } from "../../ui/Modal";
import { readDropped, takeDrop } from "../upload/dropped";
import type { Upload } from "../upload/queue";
import { wirePath } from "../upload/send";
import { ACCEPTED, archiveName, isArchive } from "./archives";
import { keepClone, keepFor, type Pending } from "./pending";
import { repositoryOf } from "./repository";
import "../../styles/settings.css";
import "../../styles/import.css";

export default function ImportDialog({ onClose }: { onClose: () => void }) {
  const [url, setUrl] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [over, setOver] = useState(false);
  const [, go] = useLocation();
  const create = useCreateRepl();
  const tip = useId();
  const archive = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const repository = repositoryOf(url);

  const make = (name: string, then: (id: string) => string) => {
    if (create.isPending) return;
    setProblem(null);
    create.mutate(
      { name: name.slice(0, 100) },
      { onSuccess: ({ id }) => go(then(id)), onError: (error) => setProblem(words(error)) },
    );
  };
  const bring = (name: string, pending: Pending) =>
    make(name, (id) => {
      keepFor(id, pending);
      return `/r/${id}`;
    });

  const clone = (event: FormEvent) => {
    event.preventDefault();
    if (!repository) {
      setProblem("This is not the address of a repository, such as https://github.com/owner/name.");
      return;
    }
    make(repository.name, (id) => {
      keepClone(id, repository.url);
      return `/r/${id}`;
    });
  };
  const bringArchive = (file: File) => {
    if (isArchive(file.name)) bring(archiveName(file.name), { kind: "archive", name: file.name, file });
    else setProblem(`${file.name} is no zip, tar or tar.gz archive.`);
  };
  /** The folder itself becomes the repl: its name is not part of the paths. */
  const bringFolder = (uploads: Upload[]) => {
    const [first] = uploads;
    const top = first?.path.split("/")[0];
    if (top === undefined) return setProblem("There is no file in this folder.");
    const inside = uploads.map(({ path, file }) => ({ path: path.slice(top.length + 1), file }));
    bring(top, { kind: "folder", uploads: inside });
  };
  const chosen = (files: FileList | null) => {
    const uploads = [...(files ?? [])].flatMap((file) => {
      const path = wirePath(file.webkitRelativePath);
      return path === null ? [] : [{ path, file }];
    });
    const refused = (files?.length ?? 0) - uploads.length;
    if (refused > 0) setProblem(`${refused} files have names that can’t be used here: rename them first.`);
    else bringFolder(uploads);
  };
  const drop = async (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const dropped = takeDrop(event.dataTransfer);
    const [entry] = dropped.entries;
    const [file] = event.dataTransfer.files;
    if (entry?.isDirectory && dropped.entries.length === 1) {
      const { uploads, left } = await readDropped(dropped, "");
      if (left > 0) setProblem(`${left} entries could not be read, or were too many.`);
      else bringFolder(uploads);
    } else if (file && dropped.entries.length <= 1) bringArchive(file);
    else setProblem("One archive or one folder becomes a repl: drop one of them.");
  };

  return (
    <Modal title="Import" className="import" onClose={onClose}>
      <div className="settings">
        <form className="import-git" onSubmit={clone}>
          <label htmlFor={`${tip}-url`}>From a git repository</label>
          <div className="row-gap">
            <input
              data-autofocus
              id={`${tip}-url`}
              className="field"
              placeholder="https://github.com/owner/name"
              aria-describedby={tip}
              spellCheck={false}
              autoComplete="off"
              value={url}
              onChange={(event) => setUrl(event.target.value)}
            />
            <Button type="submit" look="primary" disabled={create.isPending || url.trim() === ""}>
              Fetch
            </Button>
          </div>
          <p id={tip} className="muted small">
            {repository ? (
              <>
                Makes <b>{repository.name}</b> from {repository.host}.
              </>
            ) : (
              "It is fetched in the repl’s own terminal, which asks for a name or a password where one is needed."
            )}
          </p>
        </form>
        {/* biome-ignore lint/a11y/noStaticElementInteractions: the buttons in it do the same by keyboard. */}
        <div
          className={`import-drop ${over ? "over" : ""}`}
          onDragOver={(event) => {
            event.preventDefault();
            setOver(true);
          }}
          onDragLeave={() => setOver(false)}
          onDrop={(event) => void drop(event)}
        >
          <p>Drop a zip, a tar.gz or a folder here</p>
          <div className="row-gap">
            <Button disabled={create.isPending} onClick={() => archive.current?.click()}>
              <Archive size={14} aria-hidden /> Choose an archive…
            </Button>
            <Button disabled={create.isPending} onClick={() => folder.current?.click()}>
              <Folder size={14} aria-hidden /> Choose a folder…
            </Button>
          </div>
          <input
            ref={archive}
            type="file"
            hidden
            accept={ACCEPTED}
            aria-label="An archive to import"
            onChange={({ target }) => target.files?.[0] && bringArchive(target.files[0])}
          />
          <input
            ref={(input) => {
              folder.current = input;
              if (input) input.webkitdirectory = true;
            }}
            type="file"
            hidden
            multiple
            aria-label="A folder to import"
            onChange={({ target }) => chosen(target.files)}
          />
        </div>
        {problem !== null && (
          <p className="bad-text" role="alert">
            {problem}
          </p>
        )}
      </div>
    </Modal>
  );
}
