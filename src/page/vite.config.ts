// SPDX-License-Identifier: Apache-2.0
import { defineConfig, type Plugin } from "vite";

/** KaTeX names each font in three formats; what has CSS nesting reads woff2. */
const oneFormat: Plugin = {
    name: "one-font-format",
    enforce: "pre",
    transform: (code, id) => (id.includes("katex") && id.endsWith(".css") ? code.replace(/,url\([^)]*\) format\("(?:woff|truetype)"\)/g, "") : null),
};

/** Of marked the lexer alone: what parses and writes HTML stays out, which its own file does not let the bundler see. */
const lexerAlone: Plugin = {
    name: "lexer-alone",
    enforce: "pre",
    transform(code, id) {
        if (!id.endsWith("marked.esm.js")) return null;
        const end = code.search(/var \w+=new \w+;function \w+\(\w+,\w+\)\{return \w+\.parse\(/);
        const lexer = /export\{[^}]*?(\w+) as Lexer\b/.exec(code)?.[1];
        if (end < 0 || !lexer) throw new Error("marked has another shape than it had: see lexerAlone in vite.config.ts");
        return `${code.slice(0, end)}export{${lexer} as Lexer};`;
    },
};

const SELDOM = /\/(?:admin|brand|chat|colours|confirm|en-seldom|info|keyboard|keys|models|more|search|settings|share|shared|sign-in|uploads|usage|de|ar|katex)\.(?:tsx?|css)$/;

/** What comes before the page: see shell.ts. */
const SHELL = /\/(?:shell|address|keep|languages)\.ts$|preload-helper/;

/**
 * The style is asked for first, then the shell, which is drawn when both are here, and the page last.
 * Between the elements is no space: the page takes over those that are its own.
 */
const shellFirst: Plugin = {
    name: "shell-first",
    transformIndexHtml: {
        order: "post",
        handler(html, { bundle }) {
            if (!bundle) return;
            const scripts = html.match(/<script type="module".*?<\/script>/g)?.toSorted((a, b) => Number(b.includes("/shell-")) - Number(a.includes("/shell-")));
            if (scripts?.length !== 2) throw new Error("the page loads other scripts than it did: see shellFirst in vite.config.ts");
            const head = scripts.join("").replace("<script", '<script blocking="render"');
            return scripts.reduce((rest, script) => rest.replace(script, ""), html).replace("</head>", `${head}</head>`).replaceAll(" crossorigin", "").replace(/>\s+</g, "><");
        },
    },
};

const atFirst = (id: string): boolean =>
    /node_modules\/(?:preact|@preact|marked)\//.test(id) || (!id.includes("node_modules") && /\.(?:tsx?)$/.test(id) && !SELDOM.test(id));

// Relative addresses: the page can be mounted anywhere.
export default defineConfig({
    base: "./",
    plugins: [oneFormat, lexerAlone, shellFirst],
    build: {
        outDir: "../../conf/page",
        emptyOutDir: true,
        assetsInlineLimit: 0,
        modulePreload: { polyfill: false },
        target: "es2023",
        reportCompressedSize: false,
        // What is loaded at first is the shell and one file; what is seldom used comes when it is.
        rolldownOptions: {
            input: { page: "index.html", shell: "shell.ts" },
            output: { codeSplitting: { groups: [{ name: "shell", test: SHELL, priority: 1 }, { name: "page", test: atFirst }] } },
        },
    },
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    server: { proxy: { "/api": "http://127.0.0.1:8080" } },
});
