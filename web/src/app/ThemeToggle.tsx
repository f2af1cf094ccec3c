/** The button that changes between light and dark. */
import { Moon, Sun } from "lucide-react";
import { IconButton } from "../ui/Button";
import { useValue } from "../ui/useValue";
import { theme, toggleTheme } from "./theme";

export function ThemeToggle() {
  const dark = useValue(theme) === "dark";
  return (
    <IconButton className="theme-toggle" label={dark ? "Light theme" : "Dark theme"} onClick={toggleTheme}>
      {dark ? <Sun size={16} aria-hidden /> : <Moon size={16} aria-hidden />}
    </IconButton>
  );
}
