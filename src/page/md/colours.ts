// SPDX-License-Identifier: Apache-2.0
//
// Colours of code by the CSS Custom Highlight API: ranges over text that is not
// touched. A browser without it shows the code plain.
import type { HLJSApi, LanguageFn } from "highlight.js";

type Load = () => Promise<{ default: LanguageFn }>;

// The languages that models write most, each fetched when it is met first.
const LANGUAGES: Record<string, Load> = {
    bash: () => import("highlight.js/lib/languages/bash"),
    c: () => import("highlight.js/lib/languages/c"),
    cpp: () => import("highlight.js/lib/languages/cpp"),
    csharp: () => import("highlight.js/lib/languages/csharp"),
    css: () => import("highlight.js/lib/languages/css"),
    diff: () => import("highlight.js/lib/languages/diff"),
    dockerfile: () => import("highlight.js/lib/languages/dockerfile"),
    go: () => import("highlight.js/lib/languages/go"),
    ini: () => import("highlight.js/lib/languages/ini"),
    java: () => import("highlight.js/lib/languages/java"),
    javascript: () => import("highlight.js/lib/languages/javascript"),
    json: () => import("highlight.js/lib/languages/json"),
    kotlin: () => import("highlight.js/lib/languages/kotlin"),
    lua: () => import("highlight.js/lib/languages/lua"),
    makefile: () => import("highlight.js/lib/languages/makefile"),
    perl: () => import("highlight.js/lib/languages/perl"),
    php: () => import("highlight.js/lib/languages/php"),
    python: () => import("highlight.js/lib/languages/python"),
    ruby: () => import("highlight.js/lib/languages/ruby"),
    rust: () => import("highlight.js/lib/languages/rust"),
    sql: () => import("highlight.js/lib/languages/sql"),
    swift: () => import("highlight.js/lib/languages/swift"),
    typescript: () => import("highlight.js/lib/languages/typescript"),
    xml: () => import("highlight.js/lib/languages/xml"),
    yaml: () => import("highlight.js/lib/languages/yaml"),
};

const ALIASES: Record<string, string> = {
    sh: "bash", shell: "bash", zsh: "bash", console: "bash", h: "c", cc: "cpp", "c++": "cpp", hpp: "cpp", cs: "csharp", "c#": "csharp",
    docker: "dockerfile", golang: "go", toml: "ini", conf: "ini", js: "javascript", jsx: "javascript", mjs: "javascript", node: "javascript",
    jsonc: "json", json5: "json", kt: "kotlin", make: "makefile", pl: "perl", py: "python", python3: "python", rb: "ruby", rs: "rust",
    postgresql: "sql", sqlite: "sql", mysql: "sql", ts: "typescript", tsx: "typescript", html: "xml", svg: "xml", vue: "xml", yml: "yaml",
};

const COLOURS = ["keyword", "string", "number", "comment", "title", "type", "attr", "meta", "built_in", "addition", "deletion"] as const;
type Colour = (typeof COLOURS)[number];

// hljs' names of scopes, by their first part.
const SCOPES: Record<string, Colour> = {
    keyword: "keyword", literal: "keyword", operator: "keyword", selector: "keyword", "template-tag": "keyword", name: "keyword", string: "string",
    regexp: "string", char: "string", link: "string", symbol: "string", number: "number", comment: "comment", quote: "comment", title: "title",
    function: "title", section: "title", type: "type", class: "type", attr: "attr", attribute: "attr", property: "attr", variable: "attr",
    params: "attr", meta: "meta", doctag: "meta", built_in: "built_in", "template-variable": "attr", addition: "addition", deletion: "deletion",
};

interface Scope {
    scope?: string;
    children: (Scope | string)[];
}

let core: Promise<HLJSApi> | undefined;
const languages = new Map<string, Promise<boolean>>();
const ranges = new WeakMap<Element, [Highlight, AbstractRange][]>();

async function known(lang: string): Promise<HLJSApi | undefined> {
    const name = ALIASES[lang] ?? lang;
    const load = LANGUAGES[name];
    if (!load || typeof Highlight === "undefined" || !CSS.highlights) return undefined;
    core ??= import("highlight.js/lib/core").then((m) => m.default);
    const hljs = await core;
    if (!languages.has(name)) languages.set(name, load().then((m) => (hljs.registerLanguage(name, m.default), true), () => false));
    return (await languages.get(name)) ? hljs : undefined;
}

function highlightOf(colour: Colour): Highlight {
    const name = `code-${colour}`;
    const there = CSS.highlights.get(name);
    if (there) return there;
    const made = new Highlight();
    CSS.highlights.set(name, made);
    return made;
}

/** Tokens as [start, end, colour] over the text. */
function tokensOf(hljs: HLJSApi, text: string, lang: string): [number, number, Colour][] {
    const result = hljs.highlight(text, { language: ALIASES[lang] ?? lang, ignoreIllegals: true }) as unknown as { _emitter: { rootNode: Scope } };
    const tokens: [number, number, Colour][] = [];
    let at = 0;
    const walk = (node: Scope, colour: Colour | undefined) => {
        for (const kid of node.children) {
            if (typeof kid !== "string") {
                walk(kid, SCOPES[kid.scope?.split(".")[0] ?? ""] ?? colour);
            } else {
                if (colour && kid.trim()) tokens.push([at, at + kid.length, colour]);
                at += kid.length;
            }
        }
    };
    walk(result._emitter.rootNode, undefined);
    return tokens;
}

function unpaint(code: Element): void {
    for (const [highlight, range] of ranges.get(code) ?? []) highlight.delete(range);
    ranges.delete(code);
}

/** Colours what `code` shows of `text`; its children are pieces, between which a newline of the text stands. */
export async function paint(code: Element, text: string, lang: string): Promise<void> {
    const hljs = await known(lang);
    unpaint(code);
    if (!hljs || !code.isConnected) return;
    const mine: [Highlight, AbstractRange][] = [];
    const pieces = [...code.children].map((c) => c.firstChild as Text);
    let first = 0;
    let base = 0;
    for (const [start, end, colour] of tokensOf(hljs, text, lang)) {
        while (pieces[first] && start > base + pieces[first]!.length) base += pieces[first++]!.length + 1;
        let offset = base;
        for (let i = first; pieces[i] && offset < end; offset += pieces[i++]!.length + 1) {
            const from = Math.max(start - offset, 0);
            const to = Math.min(end - offset, pieces[i]!.length);
            if (from >= to) continue;
            const range = new StaticRange({ startContainer: pieces[i]!, startOffset: from, endContainer: pieces[i]!, endOffset: to });
            highlightOf(colour).add(range);
            mine.push([highlightOf(colour), range]);
        }
    }
    ranges.set(code, mine);
}
