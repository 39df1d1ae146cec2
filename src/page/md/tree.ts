// SPDX-License-Identifier: Apache-2.0
//
// Markdown to a light tree: what marked's lexer says, as elements and texts. No
// HTML is ever made of it; raw HTML stays text.
import { Lexer, type Links, type MarkedOptions, type Token, type Tokens } from "marked";
import { decodeEntities } from "./entities";
import { t as say } from "../i18n";
import { mathExtensions, type MathToken } from "./math";

export interface Branch {
    tag: string;
    attrs: Record<string, string>;
    kids: Leaf[];
    /** Of "code": its text and language. Of "math": its TeX, and whether it stands alone. */
    text?: string;
    lang?: string;
    display?: boolean;
    /** It is shown while an answer is written: what was drawn of it stays. */
    stays?: boolean;
}
export type Leaf = Branch | string;

const tokenizers = (level: "block" | "inline") => mathExtensions.flatMap((e) => ("level" in e && e.level === level ? [e] : []));

// As marked makes them of its options: all that its lexer needs, without what writes HTML.
const options = {
    gfm: true,
    extensions: {
        renderers: {},
        childTokens: {},
        block: tokenizers("block").map((e) => e.tokenizer),
        startBlock: tokenizers("block").map((e) => e.start),
        inline: tokenizers("inline").map((e) => e.tokenizer),
        startInline: tokenizers("inline").map((e) => e.start),
    },
} as unknown as MarkedOptions;

/** The blocks of `src`. `links` gathers definitions, and knows those of earlier blocks. */
export function blocksOf(src: string, links: Links): Token[] {
    const lexer = new Lexer(options);
    lexer.tokens.links = links;
    return lexer.lex(src);
}

const branch = (tag: string, kids: Leaf[] = [], attrs: Record<string, string> = {}): Branch => ({ tag, attrs, kids });

/** Joins texts that follow each other, so that each leaf is one node of the document. */
function joined(leaves: Leaf[]): Leaf[] {
    const out: Leaf[] = [];
    for (const leaf of leaves) {
        const last = out.length - 1;
        if (typeof leaf === "string" && typeof out[last] === "string") out[last] += leaf;
        else if (leaf !== "") out.push(leaf);
    }
    return out;
}

/** Links may leave for the web or by mail, or stay here; what else a scheme may do, it does not do from an answer. */
export function safeHref(href: string): string | undefined {
    const plain = decodeEntities(href).trim();
    if (/^(?:https?:\/\/|mailto:)/i.test(plain) || /^#/.test(plain) || /^\/(?![/\\])/.test(plain)) return plain;
    return undefined;
}

function link(href: string, kids: Leaf[], title?: string | null): Leaf[] {
    const safe = safeHref(href);
    if (!safe) return kids;
    const attrs: Record<string, string> = { href: safe };
    if (!safe.startsWith("#")) {
        attrs.rel = "noopener noreferrer nofollow";
        attrs.target = "_blank";
    }
    if (title) attrs.title = decodeEntities(title);
    return [branch("a", kids, attrs)];
}

/** An image of somewhere else is never fetched: its address could carry away what was said. It is a link that names its host. */
function image({ href, text, title }: Tokens.Image): Leaf[] {
    const safe = safeHref(href);
    const name = decodeEntities(text) || "image";
    let host = "";
    try {
        host = safe ? new URL(safe, location.href).host : "";
    } catch {
        // No address: the name alone is shown.
    }
    return link(href, [`↗ ${name}${host ? ` (${host})` : ""}`], title);
}

const INLINE: Record<string, (token: any) => Leaf[]> = {
    text: (t: Tokens.Text) => (t.tokens ? inline(t.tokens) : [decodeEntities(t.text)]),
    escape: (t: Tokens.Escape) => [t.text],
    html: (t: Tokens.Tag) => [t.raw],
    strong: (t: Tokens.Strong) => [branch("strong", inline(t.tokens))],
    em: (t: Tokens.Em) => [branch("em", inline(t.tokens))],
    del: (t: Tokens.Del) => [branch("del", inline(t.tokens))],
    codespan: (t: Tokens.Codespan) => [branch("code", [t.text])],
    br: () => [branch("br")],
    link: (t: Tokens.Link) => link(t.href, inline(t.tokens), t.title),
    image,
    checkbox: () => [],
    math: (t: MathToken) => [math(t)],
};

function math(t: MathToken): Branch {
    return { ...branch("math"), text: t.text, display: t.display };
}

function inline(tokens: Token[] | undefined): Leaf[] {
    return joined((tokens ?? []).flatMap((t) => INLINE[t.type]?.(t) ?? [t.raw]));
}

/** What is within one block. */
export const inlineOf = (src: string): Leaf[] => inline(new Lexer(options).inlineTokens(src));

/** The box of a task is for reading alone, and says which task it is of. */
function box(item: Tokens.ListItem): Leaf[] {
    if (!item.task) return [];
    const attrs: Record<string, string> = { type: "checkbox", disabled: "", "aria-label": item.text.slice(0, 80) };
    if (item.checked) attrs.checked = "";
    return [branch("input", [], attrs), " "];
}

/** A tight item has its text without a paragraph. */
function item(t: Tokens.ListItem): Branch {
    // The box may be a token of its own, or the beginning of the first one's text.
    const tokens = t.tokens.filter((k) => k.type !== "checkbox");
    const kids = tokens.flatMap((k, i) => {
        const own = i === 0 ? box(t) : [];
        if (k.type === "text" || (k.type === "paragraph" && !t.loose)) return [...own, ...(i > 0 ? ["\n"] : []), ...inline((k as Tokens.Text).tokens ?? [k])];
        const made = block(k);
        if (own.length && made[0] && typeof made[0] !== "string") {
            made[0] = { ...made[0], kids: joined([...own, ...made[0].kids]) };
            return made;
        }
        return [...own, ...made];
    });
    return branch("li", joined(kids), t.task ? { class: "task" } : {});
}

function row(cells: Tokens.TableCell[], tag: string): Branch {
    return branch("tr", cells.map((c) => branch(tag, inline(c.tokens), c.align ? { class: `to-${c.align}` } : {})));
}

/** How wide columns are, in letters, by the head and the first row alone: what comes later moves none of them. */
const widthsOf = (t: Tokens.Table): number[] =>
    t.header.map((head, i) => Math.min(40, Math.max(8, 4 + Math.max(head.text.length, t.rows[0]?.[i]?.text.length ?? 0))));

/** A wide table scrolls alone, also by keyboard. */
function table(t: Tokens.Table): Leaf[] {
    const widths = widthsOf(t);
    const all = widths.reduce((sum, w) => sum + w, 0);
    const kids = [
        branch("colgroup", widths.map((w) => branch("col", [], { width: `${Math.round((100 * w) / all)}%` }))),
        branch("thead", [row(t.header, "th")]),
    ];
    if (t.rows.length) kids.push(branch("tbody", t.rows.map((r) => row(r, "td"))));
    return [branch("div", [branch("table", kids, { "--least": `${all}ch` })], { class: "wide", tabindex: "0", role: "region", "aria-label": say("table") })];
}

const BLOCK: Record<string, (token: any) => Leaf[]> = {
    space: () => [],
    def: () => [],
    hr: () => [branch("hr")],
    paragraph: (t: Tokens.Paragraph) => [branch("p", inline(t.tokens))],
    text: (t: Tokens.Text) => [branch("p", t.tokens ? inline(t.tokens) : [decodeEntities(t.text)])],
    html: (t: Tokens.HTML) => [branch("p", [t.text.replace(/\n+$/, "")], { class: "raw" })],
    // The page's own headings are h1 and h2.
    heading: (t: Tokens.Heading) => [branch(`h${Math.min(t.depth + 2, 6)}`, inline(t.tokens), { class: `h${t.depth}` })],
    blockquote: (t: Tokens.Blockquote) => [branch("blockquote", blockLeaves(t.tokens))],
    list: (t: Tokens.List) => [
        branch(t.ordered ? "ol" : "ul", t.items.map(item), t.ordered && t.start !== 1 && t.start !== "" ? { start: String(t.start) } : {}),
    ],
    table,
    code: (t: Tokens.Code) => [{ ...branch("code-block"), text: t.text, lang: languageOf(t.lang) }],
    math: (t: MathToken) => [branch("p", [math(t)])],
};

/** What stands first behind the fence, if it can be the name of a language. */
export function languageOf(info: string | undefined): string {
    return /^[\w+#.-]{1,30}/.exec(info ?? "")?.[0].toLowerCase() ?? "";
}

function block(token: Token): Leaf[] {
    return BLOCK[token.type]?.(token) ?? [branch("p", [token.raw])];
}

function blockLeaves(tokens: Token[]): Leaf[] {
    return tokens.flatMap(block);
}

/** The tree of blocks; each leaf is one element of the document. */
export function treeOf(tokens: Token[]): Leaf[] {
    return blockLeaves(tokens);
}
