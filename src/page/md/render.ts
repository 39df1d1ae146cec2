// SPDX-License-Identifier: Apache-2.0
//
// Markdown that is being written, as a document. A block that cannot change any
// more is committed, and never looked at again; what is open is lexed anew, and
// the document is patched. Only whole lines decide where a block ends: half of a
// line may still turn out to continue the block before it.
import type { Links, Token } from "marked";
import { isReady, makeReady } from "./math";
import { beforeFormula, mend, wholeWords } from "./mend";
import { patch } from "./patch";
import { blocksOf, type Branch, type Leaf, treeOf } from "./tree";

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
// HTML that ends by a mark of its own, which may stand paragraphs below.
const LONG_HTML = /^ {0,3}<(?:script|pre|style|textarea)[\s>]|^ {0,3}<(?:!--|\?|![A-Za-z]|!\[CDATA\[)/i;

/** When nothing more has come for so long, the word that has begun is shown as far as it goes. */
const PAUSE = 500;

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

    /** Somebody sees it being written. */
    private live = false;
    private ended = false;
    private given = "";
    /** A formula that must have its size before it, and what follows, is shown. */
    private waits = false;
    private held = false;
    private pause = 0;

    /** `onHeld` hears whether something of it waits to be shown. */
    constructor(private readonly root: HTMLElement, private readonly onHeld: (waits: boolean) => void = () => undefined) {}

    /** All of it so far; it must begin with what was said before, else all is drawn anew. */
    update(text: string, ended: boolean): void {
        // One of a thousand that are drawn again because another one came.
        if (ended && this.ended && text === this.given) return;
        this.given = text;
        text = text.replace(/\r\n?/g, "\n");
        if (!text.startsWith(this.text)) this.reset();
        this.live ||= !ended;
        this.ended = ended;
        this.text = text;
        if (!this.waits) this.go();
    }

    private go(): void {
        clearTimeout(this.pause);
        if (this.ended) this.finish();
        else this.draw(false);
    }

    private reset(): void {
        this.root.replaceChildren();
        this.start = this.looked = this.committed = 0;
        this.shown = [];
        this.links = Object.create(null) as Links;
    }

    /** `paused`: nothing more has come for a while. */
    private draw(paused: boolean): void {
        this.commit(this.text.lastIndexOf("\n") + 1);
        const rest = this.text.slice(this.start);
        const fence = inFence(rest);
        const words = fence || paused ? rest : wholeWords(rest);
        this.show(treeOf(blocksOf(fence ? heldFence(rest) : mend(beforeFormula(words)), { ...this.links })));
        if (words !== rest) this.pause = window.setTimeout(() => this.waits || this.draw(true), PAUSE);
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
        if (this.live && unready(tree)) return void (this.looked = this.start);
        // What is open keeps its elements, which the patch of the next show finds behind the settled ones.
        const opened = this.shown.slice(tree.length);
        patch(this.root, this.shown.slice(0, tree.length), tree, this.committed);
        this.committed += tree.length;
        this.shown = opened;
        this.start += blocks.reduce((sum, b) => sum + b.raw.length, 0);
    }

    private show(tree: Leaf[]): void {
        const formula = this.live ? unready(tree) : undefined;
        if (formula) tree = upTo(tree, formula);
        patch(this.root, this.shown, tree, this.committed);
        this.shown = tree;
        if (formula) void this.wait(formula);
    }

    private async wait({ text, display }: Branch): Promise<void> {
        this.waits = true;
        this.tellHeld(true);
        await makeReady(text!, display!);
        this.waits = false;
        this.go();
        this.tellHeld(this.waits);
    }

    private tellHeld(held: boolean): void {
        if (held !== this.held) this.onHeld((this.held = held));
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

/** The first formula that would change its size after it was shown; the others stay as they are drawn. */
function unready(tree: Leaf[]): Branch | undefined {
    for (const leaf of tree) {
        if (typeof leaf === "string") continue;
        if (leaf.tag === "math") {
            if (!isReady(leaf.text!, leaf.display!)) return leaf;
            leaf.stays = true;
        }
        const found = unready(leaf.kids);
        if (found) return found;
    }
    return undefined;
}

/** What stands before `end`. */
function upTo(tree: Leaf[], end: Branch): Leaf[] {
    const at = tree.findIndex((leaf) => leaf === end || (typeof leaf !== "string" && has(leaf, end)));
    const last = tree[at] as Branch;
    return [...tree.slice(0, at), ...(last === end ? [] : [{ ...last, kids: upTo(last.kids, end) }])];
}

const has = (tree: Branch, leaf: Branch): boolean => tree.kids.some((kid) => kid === leaf || (typeof kid !== "string" && has(kid, leaf)));
