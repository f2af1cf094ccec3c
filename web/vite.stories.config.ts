/** The page of stories: every state of the screens, with a server that is made up. No part of the product. */
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  root: "stories",
  publicDir: "../public",
  plugins: [react()],
  build: {
    target: "es2022",
    outDir: "../test-results/stories-page",
    emptyOutDir: true,
    chunkSizeWarningLimit: 2_000,
  },
});
