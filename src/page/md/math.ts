// SPDX-License-Identifier: Apache-2.0
//
// Formulas: $$…$$ and \[…\] alone, \(…\) in a line, $…$ by Pandoc's rule, so that
// "$5 and $6" is money. KaTeX comes when the first one is whole.
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
let katex: Promise<Katex> | undefined;

/** Until KaTeX is there, and where it does not understand, the TeX itself is shown. */
export function paintMath(element: HTMLElement, tex: string, display: boolean): void {
    element.textContent = tex;
    katex ??= import("./katex").then((m) => m.default as unknown as Katex);
    katex.then((k) => {
        if (element.dataset.tex !== tex) return;
        k.render(tex, element, { displayMode: display, throwOnError: true, trust: false, maxExpand: 200, maxSize: 20, strict: "ignore" });
    }).catch(() => {
        // KaTeX's own way to show an error has a style attribute, which the page's policy forbids.
        if (element.dataset.tex === tex) element.textContent = tex;
    });
}
