// SPDX-License-Identifier: Apache-2.0
//
// A block of code: a head with its language and what one can do, and the text in
// pieces of some lines, so that a line that is added lays out its piece alone.
// Colours are ranges over the text, which stays as it is.
import { t } from "../i18n";
import { copyText, download } from "../ui/copy";

const PIECE_LINES = 64;
/** Beyond this many lines colours come once, at the end. */
const LIVE_LINES = 400;
const LIVE_EVERY = 250;

export class CodeBlock {
    readonly element = document.createElement("figure");
    private readonly code = document.createElement("code");
    private text = "";
    private timer = 0;
    private settled = false;

    constructor(private readonly lang: string) {
        this.element.className = "code";
        const head = document.createElement("figcaption");
        const name = document.createElement("span");
        name.textContent = lang || t("code.plain");
        head.append(name, this.button("wrap", () => this.element.classList.toggle("wrapped")), this.button("download", () => this.save()),
            this.button("copy", (b) => this.copy(b)));
        const pre = document.createElement("pre");
        pre.tabIndex = 0;
        pre.setAttribute("role", "region");
        pre.setAttribute("aria-label", lang ? t("code.of", { lang }) : t("code.plain"));
        pre.append(this.code);
        this.element.append(head, pre);
        this.element.addEventListener("settled", () => this.settle());
    }

    private button(what: "wrap" | "download" | "copy", act: (b: HTMLButtonElement) => void): HTMLButtonElement {
        const b = document.createElement("button");
        b.type = "button";
        b.textContent = t(`code.${what}`);
        b.addEventListener("click", () => act(b));
        return b;
    }

    private async copy(b: HTMLButtonElement): Promise<void> {
        b.textContent = t((await copyText(this.text)) ? "copied" : "copy.failed");
        setTimeout(() => (b.textContent = t("code.copy")), 1500);
    }

    private save(): void {
        download(`code.${this.lang || "txt"}`, this.text, "text/plain");
    }

    /** All of the text so far. */
    show(text: string): void {
        const had = this.text;
        this.text = text;
        if (!text.startsWith(had)) {
            this.code.replaceChildren();
            this.append(text);
        } else if (text.length > had.length) {
            this.append(text.slice(had.length));
        }
        this.colour();
    }

    /** Fills the last piece, and begins others. A newline between pieces is the end of the piece's block. */
    private append(text: string): void {
        let piece = this.code.lastElementChild;
        let lines = piece ? piece.textContent!.split("\n").length : 0;
        const fresh = text.split("\n");
        let run = "";
        const flush = () => {
            if (!piece) {
                piece = document.createElement("span");
                piece.append(document.createTextNode(""));
                this.code.append(piece);
            }
            (piece.firstChild as Text).appendData(run);
            run = "";
        };
        fresh.forEach((line, i) => {
            if (i > 0) {
                if (lines >= PIECE_LINES) {
                    flush();
                    piece = null;
                    lines = 0;
                } else {
                    run += "\n";
                }
                lines++;
            }
            if (lines === 0) lines = 1;
            run += line;
        });
        flush();
    }

    private colour(): void {
        if (this.settled) return this.paint();
        if (!this.timer && this.code.childElementCount * PIECE_LINES <= LIVE_LINES) {
            this.timer = window.setTimeout(() => {
                this.timer = 0;
                this.paint();
            }, LIVE_EVERY);
        }
    }

    private settle(): void {
        this.settled = true;
        clearTimeout(this.timer);
        this.paint();
    }

    /** What colours come with may not come: the text can be read without. */
    private paint(): void {
        if (this.lang) void import("./colours").then((colours) => colours.paint(this.code, this.text, this.lang), () => undefined);
    }
}
