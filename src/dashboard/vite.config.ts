import { defineConfig } from "vitest/config";

/** `npm run dev` serves the pages itself and hands data requests to a running Tidewatch. */
const server = process.env["TIDEWATCH_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  // Relative, so that it works below the path of a proxy; the server puts the way up into pages that lie deeper.
  base: "./",
  build: {
    target: "es2022",
    // Nothing becomes a `data:` address or an inline script: the content security policy allows neither.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: {
    proxy: {
      "/api": server,
      "/ready": server,
      "/ws": { target: server, ws: true },
    },
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
