// SPDX-License-Identifier: Apache-2.0
import { defineConfig } from "vite";

// Relative addresses: the page can be mounted anywhere.
export default defineConfig({
    base: "./",
    build: {
        outDir: "../../conf/page",
        emptyOutDir: true,
        assetsInlineLimit: 0,
        modulePreload: { polyfill: false },
        target: "es2023",
        reportCompressedSize: false,
    },
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    server: { proxy: { "/api": "http://127.0.0.1:8080" } },
});
