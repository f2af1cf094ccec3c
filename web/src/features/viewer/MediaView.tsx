/** Pictures, sound and video. A picture is an `<img>` always: nothing in it runs. */
import { type ReactNode, useState } from "react";
import { addresses } from "../../api/client";
import type { WorkspacePath } from "../../api/protocol.gen";
import { display, nameOf } from "../../session/paths";
import { Button } from "../../ui/Button";
import { useWorkspace } from "../edit/workspace";
import { DownloadLink } from "./DownloadLink";
import type { MediaKind } from "./kind";
import { useFileState } from "./useFileState";

interface MediaViewProps {
  path: WorkspacePath;
  kind: MediaKind;
  /** What else stands in the bar. */
  children?: ReactNode;
}

export function MediaView({ path, kind, children }: MediaViewProps) {
  const { id } = useWorkspace();
  const state = useFileState(path);
  const [tries, setTries] = useState(0);
  const [failed, setFailed] = useState<string | null>(null);
  const [words, setWords] = useState("");
  const [actual, setActual] = useState(false);
  const name = display(nameOf(path));
  // Another address has it loaded anew; the server looks at the path alone.
  const version = `${state}.${tries}`;
  const source = `${addresses.file(id, path)}?v=${version}`;
  const broken = () => setFailed(version);
  return (
    <div className="viewer">
      <div className="viewer-bar">
        <span className="muted">{words}</span>
        <span className="spacer" />
        {kind === "image" && (
          <Button small aria-pressed={actual} onClick={() => setActual(!actual)}>
            Actual size
          </Button>
        )}
        {children}
        <DownloadLink path={path} />
      </div>
      {failed === version ? (
        <div className="center-note" role="note">
          <h2>{name} can’t be shown</h2>
          <p>It is gone, or its content is not what its name says.</p>
          <Button onClick={() => setTries(tries + 1)}>Try again</Button>
        </div>
      ) : (
        <div className={`viewer-body checks ${actual ? "actual" : ""}`}>
          {kind === "image" && (
            <img
              src={source}
              alt={name}
              onLoad={({ currentTarget: { naturalWidth: w, naturalHeight: h } }) => setWords(`${w} × ${h}`)}
              onError={broken}
            />
          )}
          {kind === "audio" && (
            // biome-ignore lint/a11y/useMediaCaption: there is no text to somebody's own file.
            <audio src={source} controls aria-label={name} onError={broken} />
          )}
          {kind === "video" && (
            // biome-ignore lint/a11y/useMediaCaption: there is no text to somebody's own file.
            <video src={source} controls aria-label={name} onError={broken} />
          )}
        </div>
      )}
    </div>
  );
}
