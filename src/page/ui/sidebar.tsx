// SPDX-License-Identifier: Apache-2.0
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Conversation } from "../api";
import { dialog, drawer, has, isAdmin, me, narrow, set, settings, signedOut, signIn } from "../app";
import { begin } from "../ask";
import { bringBack, change, fresh, groups, listState, loadConversations, loadMore, more, removed } from "../conversations";
import { type Key, language, t } from "../i18n";
import { hrefOf, route } from "../route";
import { conversationId } from "../thread";
import { conversationItems } from "./actions";
import { IconButton, Menu, type MenuItem } from "./dialog";
import { Icon } from "./icons";
import { amount } from "./money";

const titleOf = (c: Conversation) => c.title || t("untitled");
const groupName = (name: string) =>
    name.startsWith("group.") ? t(name as Key) : new Date(`${name}-15`).toLocaleDateString(language.value, { month: "long", year: "numeric" });

function Rename({ c, onEnd }: { c: Conversation; onEnd: () => void }) {
    const ended = useRef(false);
    const field = useRef<HTMLInputElement>(null);
    useLayoutEffect(() => field.current!.select(), []);
    const end = async (title: string) => {
        if (ended.current) return;
        ended.current = true;
        onEnd();
        if (title.trim() && title.trim() !== c.title) await change(c, { title: title.trim() });
    };
    return (
        <li>
            <input
                class="rename"
                aria-label={t("title.of")}
                ref={field}
                defaultValue={titleOf(c)}
                maxLength={200}
                onBlur={(e) => void end(e.currentTarget.value)}
                onKeyDown={(e) => {
                    if (e.isComposing) return;
                    if (e.key === "Enter") void end(e.currentTarget.value);
                    if (e.key !== "Escape") return;
                    // It ends the renaming, not the drawer behind it.
                    e.preventDefault();
                    void end("");
                }}
            />
        </li>
    );
}

function Row({ c }: { c: Conversation }) {
    const [renaming, rename] = useState(false);
    const link = useRef<HTMLAnchorElement>(null);
    const here = c.id === conversationId.value && route.value.what === "chat";
    if (renaming) return <Rename c={c} onEnd={() => (rename(false), requestAnimationFrame(() => link.current?.focus()))} />;
    return (
        <li class={here ? "here" : ""}>
            <a
                ref={link}
                href={hrefOf(c.id)}
                aria-current={here ? "page" : undefined}
                dir="auto"
                title={titleOf(c)}
                onClick={() => (drawer.value = false)}
                onKeyDown={(e) => e.key === "F2" && (e.preventDefault(), rename(true))}
            >
                {titleOf(c)}
            </a>
            {c.stream ? <span class="live" role="img" aria-label={t("answering")} /> : fresh.value.has(c.id) && <span class="live still" role="img" aria-label={t("answered")} />}
            <Menu label={t("menu.of", { title: titleOf(c) })} items={conversationItems(c, () => rename(true))} />
        </li>
    );
}

function List() {
    if (me.value && !has("conversations")) return <p class="hint">{t("list.guest")}</p>;
    if (listState.value === "loading") {
        return (
            <div class="skeleton rows" role="status" aria-label={t("list.loading")}>
                {[1, 2, 3, 4, 5].map((n) => (
                    <span key={n} />
                ))}
            </div>
        );
    }
    if (listState.value === "failed") {
        return (
            <p class="hint" role="alert">
                {t("list.failed")} <button type="button" onClick={() => void loadConversations()}>{t("list.retry")}</button>
            </p>
        );
    }
    return (
        <>
            {!groups.value.length && <p class="hint">{t("list.none")}</p>}
            {groups.value.map((g) => (
                <section key={g.name}>
                    <h2>{groupName(g.name)}</h2>
                    <ul>{g.list.map((c) => <Row key={c.id} c={c} />)}</ul>
                </section>
            ))}
            {more.value && <button type="button" class="more" onClick={() => void loadMore()}>{t("list.more")}</button>}
        </>
    );
}

const accountItems = (): MenuItem[] => [
    { label: t("settings"), act: () => (dialog.value = { name: "settings" }) },
    ...(["usage", "keys"] as const).flatMap((tab) => (has(tab) ? { label: t(`settings.${tab}`), act: () => (dialog.value = { name: "settings", tab }) } : [])),
    ...(me.value?.signOutUrl ? [{ label: t("signout"), act: () => location.assign(me.value!.signOutUrl!) }] : []),
];

/** Who is here, and what is left of the limit that is nearest to its end. */
function Account() {
    const who = me.value;
    const name = who?.name || who?.email || who?.id || "";
    const limit = (who?.limits ?? []).toSorted((a, b) => a.remaining / a.limit - b.remaining / b.limit)[0];
    return (
        <div class="account">
            {signedOut.value || !who?.id ? (
                who?.signInUrl && <button type="button" class="signin" onClick={signIn}>{t("signin")}</button>
            ) : (
                <Menu label={name} items={accountItems()}>
                    <span class="face" aria-hidden="true">{[...name][0]?.toUpperCase()}</span>
                    <span class="who">
                        <b dir="auto">{name}</b>
                        <small>{[who.tier, limit && t("left.short", { left: amount(limit.remaining, limit.unit) })].filter(Boolean).join(" · ")}</small>
                    </span>
                </Menu>
            )}
            <IconButton icon="gear" label={t("settings")} onClick={() => (dialog.value = { name: "settings" })} />
        </div>
    );
}

/** What was deleted or put away can be had back for a moment, wherever one is. */
export function Undo() {
    const back = removed.value;
    if (!back) return null;
    return (
        <p class="removed" role="status">
            <span>{t(back.archived ? "archived" : "deleted", { title: titleOf(back.conversation) })}</span>
            <button type="button" onClick={() => (document.getElementById("composer")?.focus(), void bringBack())}>{t("undo")}</button>
        </p>
    );
}

export function Sidebar() {
    const close = () => (narrow.matches ? (drawer.value = false) : set("sidebar", false));
    const { name, logo } = me.value?.brand ?? {};
    return (
        <aside class={`sidebar${drawer.value ? " open" : ""}`} hidden={!settings.value.sidebar && !drawer.value} aria-label={t("sidebar")}>
            <header>
                <a class="brand" href="#/">
                    {logo && <img src={logo} alt="" width={24} height={24} />}
                    {name ?? t("app.name")}
                </a>
                <IconButton icon="sidebar" label={t("sidebar.close")} onClick={close} />
            </header>
            <button type="button" class="new" onClick={() => (begin(), (drawer.value = false))}>
                <Icon name="plus" /> {t("new")}
            </button>
            <button
                type="button" class={!me.value || has("conversations") ? "find" : "find none"} aria-keyshortcuts="Control+K"
                onClick={() => (dialog.value = { name: "search" })}
            >
                <Icon name="find" /> {t("find")} <kbd aria-hidden="true">Ctrl K</kbd>
            </button>
            <nav aria-label={t("sidebar")}>
                <List />
            </nav>
            {isAdmin.value && (
                <a class="find" href="#/admin/models" aria-current={route.value.what === "admin" ? "page" : undefined} onClick={() => (drawer.value = false)}>
                    <Icon name="shield" /> {t("admin")}
                </a>
            )}
            <Account />
        </aside>
    );
}
