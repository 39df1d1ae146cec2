// SPDX-License-Identifier: Apache-2.0
//
// Formulas: $$…$$ and \[…\] alone, \(…\) in a line, $…$ by Pandoc's rule, so that
// "$5 and $6" is money. KaTeX comes when the first one begins. What is being written
// does not move for it: a formula, and what is behind it, waits until it has its size.
import type { TokenizerAndRendererExtension } from "marked";

export interface MathToken {
    type: "math";
    raw: string;
    text: string;
    display: boolean;
}

const token = (m: RegExpExecArray | null, display: boolean): MathToken | undefined =>
    m ? { type: "math", raw: m[0], text: (m[1] ?? m[2] ?? "").trim(), display } : undefined;

const BLOCK = /^ {0,3}(?:\$\$((?:(?!\n\n)[^])+?)\$\$|\\\[((?:(?!\n\n)[^])+?)\\\])[ \t]*(?:\n|$)/;
const DISPLAY = /^(?:\$\$((?:(?!\n\n)[^])+?)\$\$|\\\[((?:(?!\n\n)[^])+?)\\\])/;
// The dollar that opens has no space behind it, the one that closes none before it and no digit behind it.
const INLINE = /^(?:\\\(((?:(?!\n\n)[^])+?)\\\)|\$((?![\s$])(?:\\.|[^$\\\n])*?(?<![\s\\]))\$(?!\d))/;

export const mathExtensions: TokenizerAndRendererExtension[] = [
    {
        name: "math",
        level: "block",
        start: (src) => /^ {0,3}(?:\$\$|\\\[)/m.exec(src)?.index,
        tokenizer: (src) => token(BLOCK.exec(src), true),
    },
    {
        name: "math",
        level: "inline",
        start: (src) => /\$|\\[([]/.exec(src)?.index,
        tokenizer: (src) => token(DISPLAY.exec(src), true) ?? token(INLINE.exec(src), false),
    },
];

type Katex = { render(tex: string, to: HTMLElement, options: object): void };
let katex: Katex | undefined;
let coming: Promise<unknown> | undefined;

/** A formula that is not there by then is shown as its TeX for as long as the answer is, and so are those behind it. */
const PATIENCE = 5000;
/** A formula in a line that is taller than so many em stands in a line of its own: a line does not grow. */
const TALL = 1.6;

/** Formulas that are drawn, but not shown yet, by what they say. */
const drawn = new Map<string, HTMLElement>();
/** Those whose fonts have come. */
const known = new Set<string>();
/** Nobody waits: what draws them, or a font, has not come in time, nor since. */
let late = false;
const keyOf = (tex: string, display: boolean): string => `${display ? "$$" : "$"}${tex}`;

/** To be called as soon as a formula may come. */
export function fetchKatex(): Promise<unknown> {
    return (coming ??= import("./katex").then((m) => ((katex = m.default as unknown as Katex), (late = false))).catch(() => (coming = undefined)));
}

function draw(element: HTMLElement, tex: string, display: boolean): void {
    try {
        katex!.render(tex, element, { displayMode: display, throwOnError: true, trust: false, maxExpand: 200, maxSize: 20, strict: "ignore" });
    } catch {
        // KaTeX's own way to show an error has a style attribute, which the page's policy forbids.
        element.textContent = tex;
    }
    const tall = !display && [...element.querySelectorAll<HTMLElement>(".strut")].some((s) => parseFloat(s.style.height) > TALL);
    if (tall) element.classList.add("tall");
}

/** Where formulas are laid out before they are shown, so that their fonts come. */
let aside: HTMLElement | undefined;

function drawAside(tex: string, display: boolean): void {
    aside ??= document.body.appendChild(Object.assign(document.createElement("div"), { className: "aside markdown" }));
    const element = makeSpan(tex, display);
    draw(element, tex, display);
    aside.append(element);
    drawn.set(keyOf(tex, display), element);
    element.getBoundingClientRect();
}

function makeSpan(tex: string, display: boolean): HTMLElement {
    const element = document.createElement("span");
    element.className = display ? "math alone" : "math";
    element.dataset.tex = tex;
    return element;
}

/** Whether it has its final size as soon as it is shown. */
export function isReady(tex: string, display: boolean): boolean {
    const key = keyOf(tex, display);
    if (late || known.has(key)) return true;
    if (!katex) return false;
    if (!drawn.has(key)) drawAside(tex, display);
    if (document.fonts.status !== "loaded") return false;
    known.add(key);
    return true;
}

/** Until it may be, or nobody should wait any longer. */
export async function makeReady(tex: string, display: boolean): Promise<void> {
    const come = async (): Promise<boolean> => {
        await fetchKatex();
        if (katex && !isReady(tex, display)) await document.fonts.ready;
        return !!katex;
    };
    const coming = come();
    if (await Promise.race([coming, new Promise((resolve) => setTimeout(resolve, PATIENCE))])) return;
    late = true;
    void coming.then((there) => (late = !there));
}

/** Until KaTeX is there, and where it does not understand, the TeX itself is shown; `stays`: for good, if it is not there by now. */
export function formula(tex: string, display: boolean, stays: boolean): HTMLElement {
    const key = keyOf(tex, display);
    const had = drawn.get(key);
    drawn.delete(key);
    // A font that comes later would move it.
    const draws = !late || known.has(key);
    if (had && draws) return had;
    had?.remove();
    const element = makeSpan(tex, display);
    if (katex && draws) {
        draw(element, tex, display);
    } else {
        element.textContent = tex;
        if (!stays && !katex) void fetchKatex().then(() => katex && draw(element, tex, display));
    }
    return element;
}
