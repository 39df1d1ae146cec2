// SPDX-License-Identifier: Apache-2.0
//
// Markdown that is being written, as a document. A block that cannot change any
// more is committed, and never looked at again; what is open is lexed anew, and
// the document is patched. Only whole lines decide where a block ends: half of a
// line may still turn out to continue the block before it.
import type { Links, Token } from "marked";
import { mend } from "./mend";
import { patch } from "./patch";
import { blocksOf, type Leaf, treeOf } from "./tree";

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
// HTML that ends by a mark of its own, which may stand paragraphs below.
const LONG_HTML = /^ {0,3}<(?:script|pre|style|textarea)[\s>]|^ {0,3}<(?:!--|\?|![A-Za-z]|!\[CDATA\[)/i;

export class MarkdownView {
    private text = "";
    /** Where the open part begins. */
    private start = 0;
    /** Up to where whole lines were looked at. */
    private looked = 0;
    /** Children of `root` that are committed; those of `shown` follow. */
    private committed = 0;
    private shown: Leaf[] = [];
    private links: Links = Object.create(null) as Links;

    constructor(private readonly root: HTMLElement) {}

    /** All of it so far; it must begin with what was said before, else all is drawn anew. */
    update(text: string, ended: boolean): void {
        text = text.replace(/\r\n?/g, "\n");
        if (!text.startsWith(this.text)) this.reset();
        this.text = text;
        if (ended) this.finish();
        else this.draw();
    }

    private reset(): void {
        this.root.replaceChildren();
        this.start = this.looked = this.committed = 0;
        this.shown = [];
        this.links = Object.create(null) as Links;
    }

    private draw(): void {
        this.commit(this.text.lastIndexOf("\n") + 1);
        const rest = this.text.slice(this.start);
        this.show(treeOf(blocksOf(inFence(rest) ? heldFence(rest) : mend(rest), { ...this.links })));
    }

    /** Commits the blocks of whole lines before `end`, but for the last one. */
    private commit(end: number): void {
        if (end <= this.looked) return;
        this.looked = end;
        const lines = this.text.slice(this.start, end);
        if (inFence(lines)) return;
        const blocks = blocksOf(lines, this.links);
        let keep = blocks.length - 1;
        while (keep > 0 && blocks[keep]!.type === "space") keep--;
        const long = blocks.findIndex((b) => LONG_HTML.test(b.raw));
        if (long >= 0) keep = Math.min(keep, long);
        if (keep > 0) this.settle(blocks.slice(0, keep));
    }

    private settle(blocks: Token[]): void {
        const tree = treeOf(blocks);
        // What is open keeps its elements, which the patch of the next show finds behind the settled ones.
        const opened = this.shown.slice(tree.length);
        patch(this.root, this.shown.slice(0, tree.length), tree, this.committed);
        this.committed += tree.length;
        this.shown = opened;
        this.start += blocks.reduce((sum, b) => sum + b.raw.length, 0);
    }

    private show(tree: Leaf[]): void {
        patch(this.root, this.shown, tree, this.committed);
        this.shown = tree;
    }

    /** A definition may stand behind what refers to it: then all is read once more. */
    private finish(): void {
        const rest = blocksOf(this.text.slice(this.start), this.links);
        if (Object.keys(this.links).length) {
            this.reset();
            this.show(treeOf(blocksOf(this.text, this.links)));
        } else {
            this.show(treeOf(rest));
        }
        this.root.querySelectorAll("figure.code").forEach((f) => f.dispatchEvent(new Event("settled")));
    }
}

/** Whether the text is a fence that begins with it and has not ended: then nothing needs to be lexed for its end. */
function inFence(text: string): boolean {
    const mark = FENCE.exec(text)?.[1];
    if (!mark) return false;
    const close = new RegExp(`\\n {0,3}\\${mark[0]!}{${mark.length},}[ \\t]*(?:\\n|$)`);
    return !close.test(text);
}

/** An open fence without the line that may become its end, or its beginning. */
function heldFence(text: string): string {
    const last = text.lastIndexOf("\n");
    if (last < 0) return "";
    return /^ {0,3}(?:`+|~+)[ \t]*$/.test(text.slice(last + 1)) ? text.slice(0, last) : text;
}
