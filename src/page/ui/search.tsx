// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "preact/hooks";
import { api, ApiError, type Found } from "../api";
import { conversations } from "../conversations";
import { t } from "../i18n";
import { hrefOf } from "../route";
import { Dialog } from "./dialog";

/** The snippet with what was found marked. */
function Snippet({ found }: { found: Found }) {
    const out = [];
    let at = 0;
    for (const [from, to] of found.ranges) {
        out.push(found.snippet.slice(at, from), <mark key={from}>{found.snippet.slice(from, to)}</mark>);
        at = to;
    }
    out.push(found.snippet.slice(at));
    return <small dir="auto">{out}</small>;
}

export default function Search({ onClose }: { onClose: () => void }) {
    const [words, find] = useState("");
    const [found, show] = useState<Found[] | null>(null);
    useEffect(() => {
        show(null);
        if (!words.trim()) return;
        const abort = new AbortController();
        // Titles that are here are shown at once; the server looks into texts a moment later.
        const timer = setTimeout(() => {
            api.search(words, abort.signal).then((page) => show(page.data)).catch((e: unknown) => e instanceof ApiError && show([]));
        }, 200);
        return () => {
            clearTimeout(timer);
            abort.abort();
        };
    }, [words]);
    const lower = words.trim().toLowerCase();
    const titles = conversations.value.filter((c) => !lower || c.title?.toLowerCase().includes(lower)).slice(0, lower ? 5 : 8);
    const leave = () => document.querySelector<HTMLDialogElement>("dialog[open]")?.close();
    return (
        <Dialog title={t("find.what")} class="search" onClose={onClose}>
            <input type="search" aria-label={t("find.what")} placeholder={t("find.what")} value={words} maxLength={200} onInput={(e) => find(e.currentTarget.value)} />
            <ul>
                {titles.map((c) => (
                    <li key={c.id}>
                        <a href={hrefOf(c.id)} onClick={leave} dir="auto">{c.title || t("untitled")}</a>
                    </li>
                ))}
                {found?.filter((f) => f.messageId || !titles.some((c) => c.id === f.conversationId)).map((f) => (
                    <li key={`${f.conversationId}${f.messageId}`}>
                        <a href={hrefOf(f.conversationId)} onClick={leave}>
                            {f.title || t("untitled")} <Snippet found={f} />
                        </a>
                    </li>
                ))}
            </ul>
            {found && !found.length && !titles.length && <p>{t("find.none")}</p>}
        </Dialog>
    );
}
