import { defineConfig } from "vite";

const server = "http://127.0.0.1:8787";
// for `vite` alone: the API takes what a page asks for only from pages of its own origin
const proxied = { target: server, changeOrigin: true, ws: true, headers: { origin: server } };

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../src/orchestrator/dashboard",
    emptyOutDir: true,
    assetsInlineLimit: 0, // no data: addresses: the policy of the page allows none
    modulePreload: { polyfill: false },
    target: "es2022",
  },
  server: { proxy: { "/api": proxied, "/ws": proxied } },
});
