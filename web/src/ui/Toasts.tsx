/** Shows the toasts, and reads them out. */
import { X } from "lucide-react";
import { Button, IconButton } from "./Button";
import { dismiss, hold, toasts } from "./toasts";
import { useValue } from "./useValue";

export function Toasts() {
  const all = useValue(toasts);
  return (
    <section
      className="toasts"
      aria-label="Messages"
      aria-live="polite"
      onPointerEnter={() => hold(true)}
      onPointerLeave={() => hold(false)}
      onFocus={() => hold(true)}
      onBlur={() => hold(false)}
    >
      {all.map(({ id, text, look, action }) => (
        <div key={id} className={`toast ${look}`} role={look === "bad" ? "alert" : undefined}>
          <span>{text}</span>
          {action && (
            <Button
              small
              onClick={() => {
                dismiss(id);
                action.run();
              }}
            >
              {action.label}
            </Button>
          )}
          <IconButton label="Close message" onClick={() => dismiss(id)}>
            <X size={15} aria-hidden />
          </IconButton>
        </div>
      ))}
    </section>
  );
}
