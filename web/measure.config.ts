import { defineConfig } from "@playwright/test";
import base from "./playwright.config";

export default defineConfig({ ...base, testDir: "measure", reporter: "line", timeout: 300_000 });
