/** Brings in the person's settings once it is known who they are, and again when they come back to the page. */
import { useEffect } from "react";
import { loadSettings } from "./settings";

export function useLoadedSettings(signedIn: boolean): void {
  useEffect(() => {
    if (!signedIn) return;
    void loadSettings();
    // They may have been changed in another browser.
    const seen = () => document.visibilityState === "visible" && void loadSettings();
    document.addEventListener("visibilitychange", seen);
    return () => document.removeEventListener("visibilitychange", seen);
  }, [signedIn]);
}
