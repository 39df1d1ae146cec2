// SPDX-License-Identifier: Apache-2.0
import { useRef, useState } from "preact/hooks";
import { api, type Conversation } from "../api";
import { dialog, drawer, me, narrow, set, settings, signedOut } from "../app";
import { bringBack, change, groups, listState, loadConversations, loadMore, more, remove, removed } from "../conversations";
import { type Key, language, t } from "../i18n";
import { go, hrefOf } from "../route";
import { conversationId } from "../thread";
import { IconButton, Menu } from "./dialog";
import { Icon } from "./icons";

const titleOf = (c: Conversation) => c.title || t("untitled");
const groupName = (name: string) =>
    name.startsWith("group.") ? t(name as Key) : new Date(`${name}-15`).toLocaleDateString(language.value, { month: "long", year: "numeric" });

function save(id: string, format: string): void {
    const a = document.createElement("a");
    a.href = api.exportUrl(id, format);
    a.download = "";
    a.click();
}

function Row({ c }: { c: Conversation }) {
    const [renaming, rename] = useState(false);
    const link = useRef<HTMLAnchorElement>(null);
    const here = c.id === conversationId.value;
    if (renaming) {
        const end = async (title: string) => {
            rename(false);
            if (title.trim() && title !== c.title) await change(c, { title: title.trim() });
            requestAnimationFrame(() => link.current?.focus());
        };
        return (
            <li>
                <input
                    class="rename"
                    aria-label={t("title.of")}
                    ref={(el) => el?.select()}
                    defaultValue={titleOf(c)}
                    maxLength={200}
                    onBlur={(e) => void end(e.currentTarget.value)}
                    onKeyDown={(e) => {
                        if (e.key === "Enter") void end(e.currentTarget.value);
                        if (e.key === "Escape") void end("");
                    }}
                />
            </li>
        );
    }
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
                {c.stream && <span class="live" role="img" aria-label={t("answering")} />}
            </a>
            <Menu
                label={t("menu.of", { title: titleOf(c) })}
                items={[
                    { label: t("rename"), act: () => rename(true) },
                    { label: t(c.pinned ? "unpin" : "pin"), act: () => void change(c, { pinned: !c.pinned }) },
                    { label: t("share"), act: () => (go(c.id), (dialog.value = "share")) },
                    { label: t("export.md"), act: () => save(c.id, "markdown") },
                    { label: t("export.json"), act: () => save(c.id, "json") },
                    { label: t("archive"), act: () => void change(c, { archived: true }).then(() => here && go(null)) },
                    { label: t("delete"), act: () => void remove(c).then(() => here && go(null)), danger: true },
                ]}
            />
        </li>
    );
}

function List() {
    if (listState.value === "loading") {
        return (
            <div class="skeleton rows" role="status" aria-label={t("list.loading")}>
                {[70, 55, 80, 62, 74].map((w) => (
                    <span key={w} data-width={w} />
                ))}
            </div>
        );
    }
    if (listState.value === "failed") {
        return (
            <p class="failed">
                {t("list.failed")} <button type="button" onClick={() => void loadConversations()}>{t("list.retry")}</button>
            </p>
        );
    }
    return (
        <>
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

function Account() {
    const who = me.value;
    const name = who?.name ?? who?.id ?? "";
    return (
        <div class="account">
            {signedOut.value || !who?.id ? (
                who?.signInUrl && <a class="button" href={who.signInUrl}>{t("signin")}</a>
            ) : (
                <>
                    <span class="face" aria-hidden="true">{name.slice(0, 1).toUpperCase()}</span>
                    <span class="who">
                        <b>{name}</b>
                        <small>{who.tier}</small>
                    </span>
                </>
            )}
            <IconButton icon="gear" label={t("settings")} onClick={() => (dialog.value = "settings")} />
        </div>
    );
}

export function Sidebar() {
    const close = () => (narrow.matches ? (drawer.value = false) : set("sidebar", false));
    return (
        <aside class={`sidebar${drawer.value ? " open" : ""}`} hidden={!settings.value.sidebar && !drawer.value} aria-label={t("sidebar")}>
            <header>
                <a class="brand" href="#/">{me.value?.brand?.name ?? t("app.name")}</a>
                <IconButton icon="sidebar" label={t("sidebar.close")} onClick={close} />
            </header>
            <button type="button" class="new" onClick={() => (go(null), (drawer.value = false))}>
                <Icon name="plus" /> {t("new")}
            </button>
            <button type="button" class="find" onClick={() => (dialog.value = "search")}>
                <Icon name="find" /> {t("find")} <kbd>Ctrl K</kbd>
            </button>
            <nav aria-label={t("sidebar")}>
                <List />
            </nav>
            {removed.value && (
                <p class="removed" role="status">
                    {t("deleted", { title: titleOf(removed.value) })} <button type="button" onClick={() => void bringBack()}>{t("undo")}</button>
                </p>
            )}
            <Account />
        </aside>
    );
}

