/**
 * A dialog with a title that is closed by its button, by Escape, and by a click beside it. What has
 * `data-autofocus` in it has the focus first.
 */
import { X } from "lucide-react";
import { type ReactNode, useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { IconButton } from "./Button";

interface ModalProps {
  title: string;
  className?: string;
  onClose: () => void;
  children: ReactNode;
}

export function Modal({ title, className = "", onClose, children }: ModalProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [before] = useState(() => document.activeElement);
  const id = useId();
  useLayoutEffect(() => {
    dialog.current?.showModal();
    dialog.current?.querySelector<HTMLElement>("[data-autofocus]")?.focus();
  }, []);
  useEffect(() => {
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, [before]);
  return (
    <dialog
      ref={dialog}
      className={`dialog modal ${className}`}
      aria-labelledby={id}
      onCancel={(event) => {
        // A question within it is left by itself.
        if (event.target !== dialog.current) return;
        event.preventDefault();
        onClose();
      }}
      // Escape for the second time in a row: browsers close it then without having asked.
      onClose={(event) => {
        if (event.target !== dialog.current) return;
        dialog.current.showModal();
        onClose();
      }}
      onPointerDown={(event) => event.target === dialog.current && onClose()}
      onKeyDown={(event) => event.stopPropagation()}
    >
      <div className="modal-box">
        <header className="modal-head">
          <h2 id={id}>{title}</h2>
          <IconButton label={`Close ${title.toLowerCase()}`} onClick={onClose}>
            <X size={16} aria-hidden />
          </IconButton>
        </header>
        {children}
      </div>
    </dialog>
  );
}
