// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "preact/hooks";
import type { Message } from "../api";
import { announced } from "../announce";
import { conversation, dialog, drawer, me, narrow, set, settings } from "../app";
import { t } from "../i18n";
import { keepDraft } from "../keep";
import { go, route } from "../route";
import { open, stop } from "../ask";
import { busy, conversationId, loading, messages } from "../thread";
import { Composer } from "./composer";
import { Dialog, IconButton } from "./dialog";
import { ModelPicker } from "./models";
import { later } from "./later";
import { Sidebar } from "./sidebar";
import { Thread } from "./thread";

const Search = later(() => import("./search"));
const Settings = later(() => import("./settings"));
const Share = later(() => import("./share"));
const SharedPage = later(() => import("./shared"));

const DIALOGS = { settings: Settings, search: Search, models: ModelPicker, share: Share, keys: Keys };

const KEYS = [
    ["Ctrl K", "keys.find"],
    ["Ctrl Shift O", "keys.new"],
    ["Ctrl M", "keys.model"],
    ["Ctrl B", "keys.sidebar"],
    ["Esc", "keys.stop"],
    ["↑", "keys.edit"],
    ["?", "keys.help"],
] as const;

function Keys({ onClose }: { onClose: () => void }) {
    return (
        <Dialog title={t("keys.help")} class="keys" onClose={onClose}>
            <dl>
                {KEYS.map(([key, what]) => (
                    <div key={key}>
                        <dt><kbd>{key}</kbd></dt>
                        <dd>{t(what)}</dd>
                    </div>
                ))}
            </dl>
        </Dialog>
    );
}

const showSidebar = () => (narrow.matches ? (drawer.value = !drawer.value) : set("sidebar", !settings.value.sidebar));

function onKeyDown(e: KeyboardEvent): void {
    if (dialog.value || e.isComposing) return;
    const ctrl = e.ctrlKey || e.metaKey;
    const key = e.key.toLowerCase();
    const typing = (e.target as HTMLElement).matches("input, textarea, select");
    const act =
        ctrl && key === "k" ? () => (dialog.value = "search")
        : ctrl && e.shiftKey && key === "o" ? () => go(null)
        : ctrl && key === "m" ? () => (dialog.value = "models")
        : ctrl && key === "b" ? showSidebar
        : key === "?" && !typing ? () => (dialog.value = "keys")
        : key === "escape" && drawer.value ? () => (drawer.value = false)
        : key === "escape" && busy.value ? () => void stop()
        : undefined;
    if (!act) return;
    e.preventDefault();
    act();
}

function Empty() {
    return (
        <div class="empty">
            <h1>{t("greeting")}</h1>
        </div>
    );
}

function Chat() {
    const [editing, edit] = useState<Message | null>(null);
    useEffect(() => edit(null), [conversationId.value]);
    const title = conversation.value?.title || (conversationId.value ? t("untitled") : "");
    const empty = !conversationId.value && !messages.value.length && !loading.value;
    return (
        <main>
            <header class="top">
                {(!settings.value.sidebar || narrow.matches) && <IconButton icon="sidebar" label={t("sidebar.open")} onClick={showSidebar} />}
                <h1 dir="auto">{title}</h1>
                {conversationId.value && <IconButton icon="share" label={t("share")} onClick={() => (dialog.value = "share")} />}
            </header>
            {empty ? <Empty /> : <Thread onEdit={edit} />}
            <Composer
                editing={editing}
                onEdited={() => {
                    if (editing) keepDraft(`edit.${editing.id}`, "");
                    edit(null);
                }}
                onEditLast={() => edit(messages.value.findLast((m) => m.role === "user") ?? null)}
            />
        </main>
    );
}

export function App() {
    const { what, id } = route.value;
    useEffect(() => {
        if (what === "chat") void open(id);
    }, [what, id]);
    useEffect(() => {
        addEventListener("keydown", onKeyDown);
        return () => removeEventListener("keydown", onKeyDown);
    }, []);
    useEffect(() => {
        document.title = [conversation.value?.title, me.value?.brand?.name ?? t("app.name")].filter(Boolean).join(" · ");
    });
    const Shown = dialog.value && DIALOGS[dialog.value];
    if (what === "shared" && id) return <SharedPage id={id} />;
    return (
        <div class={settings.value.sidebar ? "shell" : "shell alone"}>
            <a class="skip" href="#composer" onClick={(e) => (e.preventDefault(), document.getElementById("composer")?.focus())}>{t("skip")}</a>
            <Sidebar />
            {drawer.value && <div class="scrim" onClick={() => (drawer.value = false)} />}
            <Chat />
            {Shown && <Shown onClose={() => (dialog.value = null)} />}
            <div class="offscreen" role="status" aria-live="polite">{announced.value}</div>
        </div>
    );
}
