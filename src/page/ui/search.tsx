// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "preact/hooks";
import { ApiError, type Found } from "../api";
import { drawer } from "../app";
import { conversations } from "../conversations";
import { dateTime, t } from "../i18n";
import "../i18n/en-seldom";
import { inlineOf, type Leaf } from "../md/tree";
import { more } from "../more";
import { hrefOf } from "../route";
import { sought } from "../thread";
import { closeDialog, Dialog } from "./dialog";

/** Marks of Markdown whose other half is not in the snippet, or which stood at the beginning of a line. */
const LEFT = [
    [/`+|(?<=^|\s)(?:[-*+]\s)?\[[ xX]\](?=\s|…)|(?<=^|\s)(?:#{1,6}|>)\s|\|(?:\s*:?-+:?\s*\|)+|(?<=^|\s)-{3,}(?=\s)/g, " "],
    [/(?<![\p{L}\p{N}])(?:\*{2,3}|__|~~)(?=\S)|(?<=\S)(?:\*{2,3}|__|~~)(?![\p{L}\p{N}])/gu, ""],
    [/(?:(?:^|\s+)\|+)+(?=\s|…|$)/g, " · "],
] as const;

const words = (leaf: Leaf): string =>
    typeof leaf === "string" ? LEFT.reduce((text, [mark, to]) => text.replace(mark, to), leaf)
    : leaf.text ?? (leaf.tag === "code" ? leaf.kids.join("") : leaf.kids.map(words).join(""));

/** Where what was found begins and ends, while Markdown is read: no other text has these. */
const BEGIN = "\ue000";
const END = "\ue001";

/** The words of the snippet, which is a piece of Markdown in one line, with what was found marked. */
function Snippet({ found }: { found: Found }) {
    const text = (found.snippet ?? "").replace(/[\ue000\ue001]/g, "\ufffd");
    let marked = "";
    let at = 0;
    for (const [from = 0, to = 0] of found.ranges) {
        marked += text.slice(at, from) + BEGIN + text.slice(from, to) + END;
        at = to;
    }
    const said = inlineOf(marked + text.slice(at)).map(words).join("").replace(/\s+/g, " ").split(/([\ue000\ue001])/);
    return <small dir="auto">{said.map((piece, i) => (piece === BEGIN || piece === END ? null : said[i - 1] === BEGIN ? <mark key={i}>{piece}</mark> : piece))}</small>;
}

export default function Search({ onClose }: { onClose: () => void }) {
    const [query, find] = useState("");
    const [found, show] = useState<Found[] | null>(null);
    const [failed, fail] = useState(false);
    useEffect(() => {
        show(null);
        fail(false);
        if (!query.trim()) return;
        const abort = new AbortController();
        // Titles that are here are shown at once; the server looks into texts a moment later.
        const timer = setTimeout(() => {
            more.search(query, abort.signal).then((page) => show(page.data)).catch((e: unknown) => e instanceof ApiError && (show([]), fail(true)));
        }, 200);
        return () => {
            clearTimeout(timer);
            abort.abort();
        };
    }, [query]);
    const lower = query.trim().toLowerCase();
    const titles = conversations.value.filter((c) => !lower || c.title?.toLowerCase().includes(lower)).slice(0, lower ? 5 : 8);
    const texts = (found ?? []).filter((f) => f.messageId || !titles.some((c) => c.id === f.conversationId));
    const leave = (message: string | null) => {
        closeDialog();
        drawer.value = false;
        sought.value = message;
    };
    // The arrows go from the field into what was found and back.
    const onKeyDown = (e: KeyboardEvent & { currentTarget: HTMLElement }) => {
        if (e.key !== "ArrowDown" && e.key !== "ArrowUp") return;
        const stops = [...e.currentTarget.querySelectorAll<HTMLElement>("input, a")];
        const next = stops[stops.indexOf(document.activeElement as HTMLElement) + (e.key === "ArrowDown" ? 1 : -1)];
        e.preventDefault();
        next?.focus();
    };
    return (
        <Dialog title={t("find.what")} class="search" onClose={onClose}>
            <div onKeyDown={onKeyDown} class="form">
                <input type="search" aria-label={t("find.what")} placeholder={t("find.what")} value={query} maxLength={200} onInput={(e) => find(e.currentTarget.value)} />
                <ul aria-label={t("find.found")}>
                    {titles.map((c) => (
                        <li key={c.id}>
                            <a href={hrefOf(c.id)} onClick={() => leave(null)} dir="auto">{c.title || t("untitled")}</a>
                        </li>
                    ))}
                    {texts.map((f) => (
                        <li key={`${f.conversationId}${f.messageId}`}>
                            <a href={hrefOf(f.conversationId)} onClick={() => leave(f.messageId)}>
                                <span class="found"><span dir="auto">{f.title || t("untitled")}</span> {f.createdAt && <small>{dateTime(f.createdAt, { dateStyle: "short" })}</small>}</span>
                                <Snippet found={f} />
                            </a>
                        </li>
                    ))}
                </ul>
                <p role="status" class="hint">{failed ? t("load.failed") : found && !texts.length && !titles.length ? t("find.none") : ""}</p>
            </div>
        </Dialog>
    );
}
