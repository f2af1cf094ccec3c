/** Tests of what is taken in from the browser's own copy of the settings. */
import { describe, expect, it, vi } from "vitest";
import { DEFAULT_SETTINGS } from "../api/protocol.gen";
import { until } from "../api/testing";

describe("the browser's copy of the settings", () => {
  it("is taken part by part, where it makes sense", async () => {
    vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => {} });
    const { readSettings } = await import("./settings");
    expect(readSettings(null)).toEqual(DEFAULT_SETTINGS);
    expect(readSettings({ vim: true, editor_font_px: "large", keys: null, other: 1 })).toEqual({
      ...DEFAULT_SETTINGS,
      vim: true,
    });
  });
});

describe("a change", () => {
  it("is sent one at a time, the newest last, and its failure is said", async () => {
    vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => {} });
    vi.stubGlobal("navigator", { onLine: true });
    const answers: ((ok: boolean) => void)[] = [];
    const sent: unknown[] = [];
    vi.stubGlobal("fetch", (_: string, { body }: { body: string }) => {
      sent.push(JSON.parse(body));
      return new Promise((resolve, reject) => {
        answers.push((ok) => (ok ? resolve(new Response("{}")) : reject(new Error("away"))));
      });
    });
    const { changeSettings, settings, settingsProblem } = await import("./settings");
    changeSettings({ tab_columns: 2 });
    changeSettings({ tab_columns: 3 });
    changeSettings({ tab_columns: 8 });
    expect(settings.get().tab_columns).toBe(8);
    expect(sent).toHaveLength(1);
    answers[0]?.(true);
    await until(() => expect(sent).toHaveLength(2));
    expect(sent[1]).toMatchObject({ tab_columns: 8 });
    answers[1]?.(false);
    await until(() => expect(settingsProblem.get()).toContain("can't be reached"));
    vi.stubGlobal("navigator", { onLine: false });
    changeSettings({ tab_columns: 4 });
    await until(() => expect(sent).toHaveLength(3));
    answers[2]?.(false);
    await until(() => expect(settingsProblem.get()).toContain("You are offline"));
    changeSettings({ tab_columns: 5 });
    await until(() => expect(sent).toHaveLength(4));
    answers[3]?.(true);
    await until(() => expect(settingsProblem.get()).toBe(null));
  });
});
