// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "preact/hooks";
import { ApiError, type Found } from "../api";
import { drawer } from "../app";
import { conversations } from "../conversations";
import { dateTime, t } from "../i18n";
import "../i18n/en-seldom";
import { more } from "../more";
import { hrefOf } from "../route";
import { sought } from "../thread";
import { closeDialog, Dialog } from "./dialog";

/** The snippet with what was found marked. */
function Snippet({ found }: { found: Found }) {
    const out = [];
    const text = found.snippet ?? "";
    let at = 0;
    for (const [from = 0, to = 0] of found.ranges) {
        out.push(text.slice(at, from), <mark key={from}>{text.slice(from, to)}</mark>);
        at = to;
    }
    out.push(text.slice(at));
    return <small dir="auto">{out}</small>;
}

export default function Search({ onClose }: { onClose: () => void }) {
    const [words, find] = useState("");
    const [found, show] = useState<Found[] | null>(null);
    const [failed, fail] = useState(false);
    useEffect(() => {
        show(null);
        fail(false);
        if (!words.trim()) return;
        const abort = new AbortController();
        // Titles that are here are shown at once; the server looks into texts a moment later.
        const timer = setTimeout(() => {
            more.search(words, abort.signal).then((page) => show(page.data)).catch((e: unknown) => e instanceof ApiError && (show([]), fail(true)));
        }, 200);
        return () => {
            clearTimeout(timer);
            abort.abort();
        };
    }, [words]);
    const lower = words.trim().toLowerCase();
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
                <input type="search" aria-label={t("find.what")} placeholder={t("find.what")} value={words} maxLength={200} onInput={(e) => find(e.currentTarget.value)} />
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
