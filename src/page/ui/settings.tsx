// SPDX-License-Identifier: Apache-2.0
import { useState } from "preact/hooks";
import { api, ApiError } from "../api";
import { me, set, settings } from "../app";
import { loadConversations } from "../conversations";
import { LANGUAGES, t } from "../i18n";
import type { Settings as Values } from "../keep";
import { Dialog } from "./dialog";
import { Keys } from "./keys";
import { Usage } from "./usage";

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
            <Choice name="send" label={t("settings.send")} of={{ enter: t("send.enter"), "ctrl-enter": t("send.ctrl") }} />
            <Choice name="language" label={t("settings.language")} of={{ "": t("language.browser"), ...LANGUAGES }} />
            <Choice name="size" label={t("settings.size")} of={{ small: t("size.small"), normal: t("size.normal"), large: t("size.large") }} />
            <label class="check">
                <input type="checkbox" checked={settings.value.announce} onChange={(e) => set("announce", e.currentTarget.checked)} />
                {t("settings.announce")}
            </label>
        </>
    );
}

function Data() {
    const [said, say] = useState("");
    const [word, write] = useState("");
    const bring = async (file: File | undefined) => {
        if (!file) return;
        try {
            const { conversations } = await api.import(await file.text(), false);
            say(t("data.imported", { n: conversations }));
            await loadConversations();
        } catch (e) {
            say(e instanceof ApiError ? e.message : String(e));
        }
    };
    const forget = async () => {
        await api.forget().catch((e: unknown) => say(String(e)));
        location.hash = "#/";
        location.reload();
    };
    return (
        <>
            <p><a class="button" href={api.exportUrl(null, "json")} download>{t("data.export")}</a></p>
            <label class="field">
                {t("data.import")}
                <input type="file" accept="application/json,.json" onChange={(e) => void bring(e.currentTarget.files?.[0])} />
            </label>
            <p role="status">{said}</p>
            <form
                class="danger-zone"
                onSubmit={(e) => {
                    e.preventDefault();
                    void forget();
                }}
            >
                <label class="field">
                    {t("data.forget.sure")}
                    <input value={word} autocomplete="off" onInput={(e) => write(e.currentTarget.value)} />
                </label>
                <button type="submit" class="danger" disabled={word !== t("data.forget.word")}>{t("data.forget")}</button>
            </form>
        </>
    );
}

const TABS = { look: Appearance, keys: Keys, usage: Usage, data: Data };
type Tab = keyof typeof TABS;

/** What this server does not have is not offered. */
function tabs(): Tab[] {
    const has = me.value?.features ?? {};
    return (Object.keys(TABS) as Tab[]).filter((name) => (name !== "keys" && name !== "usage") || has[name] === true);
}

export default function Settings({ onClose }: { onClose: () => void }) {
    const [tab, show] = useState<Tab>("look");
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
                {tab === "look" && me.value?.signOutUrl && <p><a class="button" href={me.value.signOutUrl}>{t("signout")}</a></p>}
            </div>
        </Dialog>
    );
}
