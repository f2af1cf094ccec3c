import type { ClientRequest, IncomingMessage } from "node:http";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { compressed } from "./build/compressed.ts";
import { boundFirstLoad } from "./build/firstLoad.ts";

/** What browsers call the server. Node does not resolve names below localhost: it listens on loopback. */
const server = new URL(process.env.ALCOVE_SERVER ?? "http://alcove.localhost:8080");

/**
 * To the server, the page's requests come from its own page: it compares Origin with Host, and names
 * previews by the port that it was asked on. Those of other origins stay what they are.
 */
function asOwn(request: ClientRequest, { headers }: IncomingMessage): void {
  request.setHeader("host", server.host);
  if (headers.origin === `http://${headers.host}`) request.setHeader("origin", server.origin);
}

export default defineConfig({
  plugins: [react(), compressed(), boundFirstLoad()],
  build: { target: "es2022", chunkSizeWarningLimit: 700, reportCompressedSize: false },
  server: {
    allowedHosts: ["alcove.localhost"],
    // As with the server itself, no other origin, a preview's neither, may read answers.
    cors: false,
    proxy: {
      "/api": {
        target: `http://127.0.0.1:${server.port}`,
        ws: true,
        configure: (proxy) => {
          proxy.on("proxyReq", asOwn);
          proxy.on("proxyReqWs", asOwn);
        },
      },
    },
  },
  // A slow machine takes its time for modules that are loaded in a hook.
  test: {
    include: ["src/**/*.test.ts", "build/**/*.test.ts"],
    environment: "node",
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
} as Parameters<typeof defineConfig>[0]);
