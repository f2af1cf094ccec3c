import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const server = process.env.ALCOVE_SERVER ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  build: { target: "es2022", chunkSizeWarningLimit: 700, reportCompressedSize: true },
  server: {
    proxy: {
      // The server compares Origin with Host: both must be the page's own.
      "/api": { target: server, ws: true, changeOrigin: false },
    },
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
} as Parameters<typeof defineConfig>[0]);
