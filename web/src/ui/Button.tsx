/** Buttons: with words, or with an icon whose label is its name. */
import type { ComponentProps, ReactNode } from "react";

interface ButtonProps extends ComponentProps<"button"> {
  look?: "plain" | "primary" | "run" | "stop" | "danger";
  small?: boolean;
}

export function Button({ look = "plain", small = false, className = "", ...rest }: ButtonProps) {
  const classes = ["btn", look === "plain" ? "" : look, small ? "small-btn" : "", className];
  return <button type="button" className={classes.filter(Boolean).join(" ")} {...rest} />;
}

interface IconButtonProps extends Omit<ComponentProps<"button">, "children"> {
  label: string;
  /** Key that does the same, shown in the tooltip. */
  keys?: string;
  children: ReactNode;
}

export function IconButton({ label, keys, className = "", children, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      className={`icon-btn ${className}`}
      aria-label={label}
      title={keys ? `${label} (${keys})` : label}
      {...rest}
    >
      {children}
    </button>
  );
}
