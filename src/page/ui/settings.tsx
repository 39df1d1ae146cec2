// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "preact/hooks";
import { api, said as saidOf, type Conversation } from "../api";
import { has, me, set, settings } from "../app";
import { begin } from "../ask";
import { cache } from "../cache";
import { change, conversations, drop, loadConversations } from "../conversations";
import { t } from "../i18n";
import "../i18n/en-seldom";
import { LANGUAGES } from "../i18n/languages";
import type { Settings as Values } from "../keep";
import { more } from "../more";
import { hrefOf } from "../route";
import { saveExport } from "./actions";
import { closeDialog, Dialog } from "./dialog";
import { Keys } from "./keys";
import { Usage } from "./usage";
import "../style/settings.css";

function Choice<K extends keyof Values>({ name, label, of }: { name: K; label: string; of: Record<string, string> }) {
    return (
        <label class="field">
            {label}
            <select value={String(settings.value[name])} onChange={(e) => set(name, e.currentTarget.value as Values[K])}>
                {Object.entries(of).map(([value, text]) => (
                    <option key={value} value={value}>{text}</option>
                ))}
            </select>
        </label>
    );
}

function Appearance() {
    return (
        <>
            <Choice name="theme" label={t("settings.theme")} of={{ system: t("theme.system"), light: t("theme.light"), dark: t("theme.dark") }} />
            {/* Where Enter is a new line anyway there is no choice. */}
            {matchMedia("(pointer: fine)").matches && <Choice name="send" label={t("settings.send")} of={{ enter: t("send.enter"), "ctrl-enter": t("send.ctrl") }} />}
            <Choice name="language" label={t("settings.language")} of={{ "": t("language.browser"), ...LANGUAGES }} />
            <Choice name="size" label={t("settings.size")} of={{ small: t("size.small"), normal: t("size.normal"), large: t("size.large") }} />
            <label class="check">
                <input type="checkbox" checked={settings.value.announce} onChange={(e) => set("announce", e.currentTarget.checked)} />
                {t("settings.announce")}
            </label>
        </>
    );
}

/** What was put away, to be read or brought back. */
function Archive() {
    const [list, show] = useState<Conversation[] | null>(null);
    const [cursor, move] = useState<string | null>(null);
    const load = async (after: string | null) => {
        const page = await api.conversations({ archived: true, limit: 50, after }).catch(() => null);
        if (!page) return;
        show([...(after ? (list ?? []) : []), ...page.data]);
        move(page.nextCursor);
    };
    useEffect(() => void load(null), []);
    return (
        <details class="archive">
            <summary>{t("data.archive")}{list && ` (${list.length}${cursor ? "+" : ""})`}</summary>
            {list && !list.length && <p class="hint">{t("data.archive.none")}</p>}
            <ul>
                {list?.map((c) => (
                    <li key={c.id}>
                        <a href={hrefOf(c.id)} dir="auto" onClick={closeDialog}>{c.title || t("untitled")}</a>
                        <button type="button" onClick={() => void change(c, { archived: false }).then(() => show(list.filter((o) => o.id !== c.id)))}>{t("unarchive")}</button>
                    </li>
                ))}
            </ul>
            {cursor && <button type="button" onClick={() => void load(cursor)}>{t("list.more")}</button>}
        </details>
    );
}

/** All links that one has given away end at once; each alone is with its conversation. */
function SharedLinks() {
    const [says, say] = useState("");
    const end = () => more.unshareAll().then(({ deleted }) => say(t("shared.ended", { n: deleted })), (e: unknown) => say(saidOf(e)));
    return (
        <>
            <p>{t("shared.help")}</p>
            <p class="row"><button type="button" class="danger" onClick={() => void end()}>{t("shared.end")}</button></p>
            <p role="status">{says}</p>
        </>
    );
}

function Import() {
    const [says, say] = useState("");
    const [file, choose] = useState<{ text: string; n: number; messages: number } | null>(null);
    const look = async (chosen: File | undefined) => {
        choose(null);
        if (!chosen) return;
        try {
            const text = await chosen.text();
            const found = await more.import(text, true);
            choose({ text, n: found.conversations, messages: found.messages });
            say("");
        } catch (e) {
            say(saidOf(e));
        }
    };
    const bring = async () => {
        try {
            const { imported } = await more.import(file!.text, false);
            say(t("data.imported", { n: imported }));
            choose(null);
            await loadConversations();
        } catch (e) {
            say(saidOf(e));
        }
    };
    return (
        <>
            <label class="field">
                <span>{t("data.import")}</span>
                <input type="file" accept="application/json,.json" aria-describedby="import-help" onChange={(e) => void look(e.currentTarget.files?.[0])} />
            </label>
            <small id="import-help">{t("data.import.help")}</small>
            {file && <p class="row">{t("data.found", { n: file.n, messages: file.messages })} <button type="button" class="primary" onClick={() => void bring()}>{t("data.bring")}</button></p>}
            <p role="status">{says}</p>
        </>
    );
}

function Forget() {
    const [word, write] = useState("");
    const [says, say] = useState("");
    const forget = async () => {
        try {
            await more.forget();
            await cache.clear();
            drop(...conversations.value.map((c) => c.id));
            begin();
            closeDialog();
        } catch (e) {
            say(saidOf(e));
        }
    };
    return (
        <form
            class="danger-zone"
            onSubmit={(e) => {
                e.preventDefault();
                void forget();
            }}
        >
            <label class="field">
                <span>{t("data.forget.sure")}</span>
                <input value={word} autocomplete="off" onInput={(e) => write(e.currentTarget.value)} />
            </label>
            <button type="submit" class="danger" disabled={word.trim().toLowerCase() !== t("data.forget.word")}>{t("data.forget")}</button>
            {says && <p role="alert">{says}</p>}
        </form>
    );
}

function Data() {
    return (
        <>
            <p class="row">
                <button type="button" onClick={() => void saveExport(null, "json")}>{t("data.export")}</button>
                <button type="button" onClick={() => void saveExport(null, "markdown")}>{t("data.export.md")}</button>
            </p>
            <Archive />
            <Import />
            <Forget />
        </>
    );
}

function About() {
    const { signOutUrl, brand, version } = me.value ?? {};
    const links: [string, string | null | undefined][] = [[t("about.terms"), brand?.termsUrl], [t("about.privacy"), brand?.privacyUrl]];
    return (
        <p class="row about">
            {signOutUrl && me.value?.id && <a class="button" href={signOutUrl}>{t("signout")}</a>}
            {links.map(([name, url]) => url && <a key={name} href={url}>{name}</a>)}
            {version && <small>mod_chat {version}</small>}
        </p>
    );
}

const TABS = { look: Appearance, keys: Keys, usage: Usage, shared: SharedLinks, data: Data };
type Tab = keyof typeof TABS;

const NEEDS: Partial<Record<Tab, string>> = { keys: "keys", usage: "usage", shared: "shares", data: "conversations" };

/** What this server does not have is not offered. */
const tabs = (): Tab[] => (Object.keys(TABS) as Tab[]).filter((name) => !NEEDS[name] || has(NEEDS[name]));

export default function Settings({ tab: first = "look", onClose }: { tab?: Tab; onClose: () => void }) {
    const [tab, show] = useState<Tab>(tabs().includes(first) ? first : "look");
    const Shown = TABS[tab];
    const list = tabs();
    const move = (e: KeyboardEvent) => {
        const step = e.key === "ArrowDown" || e.key === "ArrowRight" ? 1 : e.key === "ArrowUp" || e.key === "ArrowLeft" ? -1 : 0;
        if (!step) return;
        const next = list[(list.indexOf(tab) + step + list.length) % list.length]!;
        e.preventDefault();
        show(next);
        document.getElementById(`tab-${next}`)?.focus();
    };
    return (
        <Dialog title={t("settings")} class="settings" onClose={onClose}>
            <div class="tabs" role="tablist" aria-label={t("settings")} aria-orientation="vertical" onKeyDown={move}>
                {list.map((name) => (
                    <button
                        key={name}
                        type="button"
                        role="tab"
                        id={`tab-${name}`}
                        aria-selected={tab === name}
                        aria-controls="tab-panel"
                        tabIndex={tab === name ? 0 : -1}
                        onClick={() => show(name)}
                    >
                        {t(`settings.${name}`)}
                    </button>
                ))}
            </div>
            <div id="tab-panel" role="tabpanel" aria-labelledby={`tab-${tab}`} tabIndex={0}>
                <Shown />
                {tab === "look" && <About />}
            </div>
        </Dialog>
    );
}
