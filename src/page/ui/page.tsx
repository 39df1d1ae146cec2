// SPDX-License-Identifier: Apache-2.0
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Message } from "../api";
import { announced } from "../announce";
import { conversation, dialog, drawer, has, isAdmin, known, me, narrow, set, settings, type Opened } from "../app";
import { begin, open, stop } from "../ask";
import { fresh } from "../conversations";
import { t } from "../i18n";
import { keepDraft } from "../keep";
import { route } from "../route";
import { busy, conversationId, loading, isGone, messages, system, temporary } from "../thread";
import { conversationItems } from "./actions";
import { drop } from "./attach";
import { Composer, fill } from "./composer";
import { IconButton, Menu } from "./dialog";
import { later } from "./later";
import { Sidebar, Undo } from "./sidebar";
import { Thread } from "./thread";

const DIALOGS: Record<Opened["name"], ComponentType<any>> = {
    search: later(() => import("./search")),
    settings: later(() => import("./settings")),
    share: later(() => import("./share")),
    models: later(() => import("./models")),
    keyboard: later(() => import("./keyboard")),
    chat: later(() => import("./chat")),
    confirm: later(() => import("./confirm")),
    info: later(() => import("./info")),
    "sign-in": later(() => import("./sign-in")),
};
const SharedPage = later(() => import("./shared"));
const Admin = later(() => import("./admin"));

const showSidebar = () => (narrow.matches ? (drawer.value = !drawer.value) : set("sidebar", !settings.value.sidebar));

function onKeyDown(e: KeyboardEvent): void {
    if (dialog.value || e.isComposing || e.defaultPrevented || document.querySelector(":popover-open")) return;
    const ctrl = e.ctrlKey || e.metaKey;
    const key = e.key.toLowerCase();
    const typing = (e.target as HTMLElement).matches("input, textarea, select");
    const act =
        ctrl && key === "k" ? () => (dialog.value = { name: "search" })
        : ctrl && e.shiftKey && key === "o" ? () => begin()
        : ctrl && key === "m" ? () => (dialog.value = { name: "models" })
        : ctrl && key === "b" ? showSidebar
        : ctrl && key === "/" ? () => document.getElementById("composer")?.focus()
        : key === "?" && !typing ? () => (dialog.value = { name: "keyboard" })
        : key === "escape" && drawer.value ? () => (drawer.value = false)
        : key === "escape" && busy.value ? () => void stop()
        : undefined;
    if (!act) return;
    e.preventDefault();
    act();
}

const IDEAS = ["idea.explain", "idea.review", "idea.reply", "idea.compare"] as const;

/** What the site suggests, or what is useful anywhere. */
const ideas = (): string[] => (me.value?.suggestions?.length ? me.value.suggestions : IDEAS.map((key) => t(key)));

function Empty() {
    return (
        <div class="empty">
            <div>
                <h2>{t(temporary.value ? "temporary.greeting" : "greeting")}</h2>
                {temporary.value && <p>{t("temporary.help")}</p>}
                <ul class="ideas" aria-label={t("try")}>
                    {ideas().map((idea) => (
                        <li key={idea}><button type="button" dir="auto" onClick={() => fill(idea)}>{idea}</button></li>
                    ))}
                </ul>
            </div>
        </div>
    );
}

function Top({ empty }: { empty: boolean }) {
    const c = conversation.value;
    const title = isGone.value ? t("gone") : c?.title || (loading.value ? "" : t(temporary.value ? "temporary" : "new"));
    return (
        <header class="top">
            {(!settings.value.sidebar || narrow.matches) && (
                <IconButton icon="sidebar" label={t("sidebar.open")} class={fresh.value.size ? "dotted" : ""} onClick={showSidebar} />
            )}
            <h1 dir="auto" aria-label={title ? undefined : t("thread")}>{title}</h1>
            {!conversationId.value && me.value?.id && has("conversations") && (
                <IconButton
                    icon="ghost" label={t("temporary")} aria-pressed={temporary.value} disabled={busy.value}
                    onClick={() => begin(!temporary.value)}
                />
            )}
            {empty && <IconButton icon="sliders" label={t("chat.instructions")} class={system.value ? "dotted" : ""} onClick={() => (dialog.value = { name: "chat" })} />}
            {c && has("shares") && <IconButton icon="share" label={t("share")} onClick={() => (dialog.value = { name: "share" })} />}
            {c && <Menu label={t("menu.chat")} items={conversationItems(c)} />}
            {!c && narrow.matches && !empty && <IconButton icon="plus" label={t("new")} onClick={() => begin()} />}
        </header>
    );
}

function Chat() {
    const [editing, edit] = useState<Message | null>(null);
    useEffect(() => edit(null), [conversationId.value]);
    const empty = !conversationId.value && !messages.value.length && !loading.value;
    return (
        <main>
            <Top empty={empty} />
            {empty ? <Empty /> : <Thread onEdit={edit} />}
            {!isGone.value && <Composer
                editing={editing}
                onEdited={() => {
                    const draft = `edit.${editing?.id}`;
                    keepDraft(draft, { text: "" });
                    drop(draft);
                    edit(null);
                }}
                onEditLast={() => edit(messages.value.findLast((m) => m.role === "user") ?? null)}
            />}
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
    const title = [conversation.value?.title, me.value?.brand.name ?? t("app.name")].filter(Boolean).join(" · ");
    useEffect(() => void (document.title = title), [title]);
    if (what === "shared" && id) return <SharedPage id={id} />;
    const opened = dialog.value;
    const Shown = opened && DIALOGS[opened.name];
    const close = () => {
        if (dialog.value === opened) dialog.value = null;
    };
    return (
        <div class={settings.value.sidebar ? "shell" : "shell alone"}>
            {what !== "admin" && !isGone.value && <a class="skip" href="#composer" onClick={(e) => (e.preventDefault(), document.getElementById("composer")?.focus())}>{t("skip")}</a>}
            <Sidebar />
            {drawer.value && <div class="scrim" onClick={() => (drawer.value = false)} />}
            {what !== "admin" || (known.value && !isAdmin.value) ? <Chat /> : known.value ? <Admin part={id ?? "models"} /> : <main aria-busy />}
            <Undo />
            {Shown && <Shown key={opened.name} {...(opened as object)} onClose={close} />}
            <div class="offscreen" role="status" aria-live="polite">{announced.value}</div>
        </div>
    );
}
