// SPDX-License-Identifier: Apache-2.0
//
// How the open end of a text is shown while it is being written: marks that have
// no partner yet get one, marks that may still become something else wait.

import { fetchKatex } from "./math";

/** A line of nothing but marks: a fence, a rule, a heading, an item or a table's second row that is forming. */
const FORMING = /(^|\n)[ \t>]*(?:`{1,3}|~{1,3}|[*_=-]+|#{1,6}|[-*+][ \t]*(?:\[[ x]?\]?)?|\d{1,9}[.)]?|\|[ \t|:-]*)[ \t]*$/;

interface Mark {
    run: string;
    at: number;
}

const WORD = /[\p{L}\p{N}]/u;

/** Walks over one paragraph; says which marks have no partner, and where a link has not ended. */
function open(text: string): { marks: Mark[]; link: number } {
    const marks: Mark[] = [];
    let link = -1;
    for (let i = 0; i < text.length; ) {
        const c = text[i]!;
        if (c === "\\") {
            i += 2;
        } else if (c === "`") {
            const run = /^`+/.exec(text.slice(i))![0];
            const end = closing(text, i + run.length, run);
            if (end < 0) return { marks: [...marks, { run, at: i }], link };
            i = end;
        } else if (c === "*" || c === "_" || c === "~") {
            const run = text.slice(i).match(/^(\*+|_+|~+)/)![0];
            pair(marks, run, i, text);
            i += run.length;
        } else if (c === "[" || (c === "!" && text[i + 1] === "[")) {
            const whole = /^!?\[(?:\\.|[^\]\\])*\](?:\((?:\\.|[^)\\\n])*\))?/.exec(text.slice(i));
            const begun = /^!?\[(?:\\.|[^\]\\])*\]\((?:\\.|[^)\\\n])*$/.exec(text.slice(i));
            if (begun || (c === "!" && !whole)) {
                link = i;
                return { marks, link };
            }
            i += c === "!" ? 2 : 1;
        } else {
            i++;
        }
    }
    return { marks, link };
}

/** Where the code that `run` opens ends, or -1. */
function closing(text: string, from: number, run: string): number {
    for (const m of text.slice(from).matchAll(/`+/g)) if (m[0] === run) return from + m.index + run.length;
    return -1;
}

/** A run closes what an equal one opened; else it opens, unless white space follows. */
function pair(marks: Mark[], run: string, at: number, text: string): void {
    const before = text[at - 1] ?? " ";
    const after = text[at + run.length] ?? "";
    if (run[0] === "~" && run.length > 2) return;
    const partner = marks.findLastIndex((m) => m.run === run);
    if (partner >= 0 && !/\s/.test(before)) {
        marks.splice(partner);
        return;
    }
    if (after === "" || /\s/.test(after)) return;
    if (run[0] === "_" && WORD.test(before)) return;
    marks.push({ run, at });
}

/** Scripts that are broken anywhere, without spaces. */
const SPACELESS = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const LONGEST_WORD = 500;

/** Without the word that is being written, if others stand before it in its paragraph: as it grows it could go to the next line. */
export function wholeWords(text: string): string {
    let at = text.length;
    while (at > 0 && !/\s/.test(text[at - 1]!)) at--;
    if (text.length - at > LONGEST_WORD || SPACELESS.test(text.slice(at))) return text;
    return /\S[^\S\n]*\n?[^\S\n]*$/.test(text.slice(Math.max(0, at - 40), at)) ? text.slice(0, at) : text;
}

const LONGEST_FORMULA = 2000;
/** A formula that has begun and not ended; a dollar before a number is money, until there is more than money has. */
const BEGUN = /\\\((?:(?!\\\)|\n\n)[^])*$|\\\[(?:(?!\\\]|\n\n)[^])*$|\$\$(?:(?!\$\$|\n\n)[^])*\$?$|(?<![$\\])\$(?=[A-Za-z\\({|-]|\d[^\s$]*[\\^_={])[^$\n]{0,300}$|(?<!\\)(?:\\|\$)$/;

/** Without a formula that has begun: its TeX is nothing to read. */
export function beforeFormula(text: string): string {
    const last = text.lastIndexOf("\n\n") + 1;
    const begun = BEGUN.exec(withoutPairs(text.slice(last)));
    if (!begun || begun[0].length > LONGEST_FORMULA) return text;
    fetchKatex();
    return text.slice(0, last + begun.index);
}

/** Formulas and code that have ended are of no interest here; each keeps its length. */
function withoutPairs(text: string): string {
    return text.replace(/(`+)(?!`)[^]*?[^`]\1(?!`)|\$\$[^]+?\$\$|\\\([^]+?\\\)|\\\[[^]+?\\\]|(?<!\\)\$(?![\s$])(?:\\.|[^$\\\n])*?(?<![\s\\])\$(?!\d)/g, (pair) => " ".repeat(pair.length));
}

/** `text` as it is shown now: the end of an open part, which no newline has ended. */
export function mend(text: string): string {
    const forming = FORMING.exec(text);
    if (forming) return text.slice(0, forming.index + forming[1]!.length);
    const start = text.lastIndexOf("\n\n") + 1;
    const { marks, link } = open(text.slice(start));
    let shown = text;
    if (link >= 0) {
        const piece = text.slice(start + link);
        shown = text.slice(0, start + link) + (piece.startsWith("!") ? "" : (/^\[((?:\\.|[^\]\\])*)/.exec(piece)?.[1] ?? ""));
    }
    // A run at the very end may grow, or close what it does not close yet.
    shown = shown.replace(/(?<!\\)(?:\*{1,3}|_{1,3}|~{1,2}|`{1,3})$/, (run) => (marks.some((m) => m.run[0] === run[0]) || /[\s(]$/.test(shown.slice(0, -run.length)) ? "" : run));
    const body = shown.replace(/[ \t]+$/, "");
    const closers = marks.filter((m) => start + m.at + m.run.length < body.length).reverse().map((m) => m.run);
    return closers.length ? body + closers.join("") : shown;
}
