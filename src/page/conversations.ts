// SPDX-License-Identifier: Apache-2.0
//
// The list of conversations, newest first, and what one does with each. It opens
// with what the cache has, and follows what other tabs and devices do.
import { computed, signal } from "@preact/signals";
import { api, ApiError, type Conversation } from "./api";
import { cache } from "./cache";
import type { Key } from "./i18n";
import { read, write } from "./keep";
import { inOneTab, tell } from "./tabs";

export const conversations = signal<Conversation[]>([]);
/** One that is open and not in the list: it is in the archive, or further down than the list was read. */
export const apart = signal<Conversation | null>(null);
export const listState = signal<"loading" | "ready" | "failed">("loading");
export const more = signal<string | null>(null);
/** A conversation that was deleted or archived a moment ago, and can be brought back. */
export const removed = signal<{ conversation: Conversation; archived: boolean } | null>(null);
/** Conversations in which an answer has come that nobody has looked at yet. */
export const fresh = signal<ReadonlySet<string>>(new Set());

const PAGE = 50;
const when = (c: Conversation) => c.lastMessageAt ?? c.createdAt;
const sorted = (list: Conversation[]) => [...list].sort((a, b) => (when(a) < when(b) ? 1 : when(a) > when(b) ? -1 : 0));

function set(list: Conversation[]): void {
    conversations.value = list;
    cache.put("list", list.slice(0, 200));
}

/** It is as it says now; what is in the archive is not in the list. */
export function put(...changed: Conversation[]): void {
    const ids = new Set(changed.map((c) => c.id));
    apart.value = changed.find((c) => c.id === apart.value?.id) ?? apart.value;
    set(sorted([...changed.filter((c) => !c.archived), ...conversations.value.filter((o) => !ids.has(o.id))]));
}

/** It is not there any more, here or anywhere. */
export function drop(...ids: string[]): void {
    set(conversations.value.filter((c) => !ids.includes(c.id)));
    for (const id of ids) cache.drop(`messages.${id}`);
}

function putAndTell(c: Conversation): void {
    put(c);
    tell({ what: "conversation", conversation: c });
}

/** Before the server has been heard. */
export async function showCached(): Promise<void> {
    const list = await cache.get<Conversation[]>("list");
    if (!list?.length || listState.value !== "loading") return;
    conversations.value = list;
    listState.value = "ready";
}

export async function loadConversations(): Promise<void> {
    try {
        const page = await api.conversations({ limit: PAGE });
        // What lies behind this page stays as it was known, until it is asked for.
        const last = page.nextCursor ? page.data.at(-1) : undefined;
        const known = new Set(page.data.map((c) => c.id));
        set([...page.data, ...(last ? conversations.value.filter((c) => !known.has(c.id) && when(c) < when(last)) : [])]);
        more.value = page.nextCursor;
        listState.value = "ready";
    } catch (e) {
        if (!(e instanceof ApiError)) throw e;
        if (e.status === 401) set([]);
        if (e.status === 401 || conversations.value.length) listState.value = "ready";
        else listState.value = "failed";
    }
}

export async function loadMore(): Promise<void> {
    const after = more.value;
    if (!after) return;
    more.value = null;
    try {
        const page = await api.conversations({ limit: PAGE, after });
        put(...page.data);
        more.value = page.nextCursor;
    } catch {
        more.value = after;
    }
}

/** What other devices did since it was last asked; a server without that feed is asked for the newest again. */
export const catchUp = (hasFeed: boolean): Promise<void> =>
    inOneTab("changes", async () => {
        if (!hasFeed) return loadConversations();
        for (let turns = 0; turns < 20; turns++) {
            const since = read<string | null>("since", null);
            try {
                const page = await api.changes(since);
                write("since", page.cursor);
                if (since !== null) {
                    put(...page.changed);
                    page.changed.forEach((conversation) => tell({ what: "conversation", conversation }));
                    drop(...page.deleted);
                    page.deleted.forEach((id) => tell({ what: "gone", id }));
                }
                if (since === null || page.changed.length + page.deleted.length === 0) return;
            } catch (e) {
                if (!(e instanceof ApiError) || e.status === 0 || e.status >= 500 || e.status === 429) return;
                // A cursor that is too old, or none of this server's: the list tells all.
                write("since", null);
                return loadConversations();
            }
        }
    });

export async function refreshConversation(id: string): Promise<Conversation | null> {
    const c = await api.conversation(id).catch(() => null);
    if (c) putAndTell(c);
    return c;
}

/**
 * It is asked in: its row goes to the top with the key or the click that did so, for what moves later
 * moves under somebody's eyes. What is returned takes that back.
 */
export function foretell(id: string, title: string): () => void {
    const had = [...conversations.value, apart.value].find((c) => c?.id === id);
    const now = new Date().toISOString();
    const blank: Conversation = {
        id, title, model: null, system: null, pinned: false, archived: false, messageCount: 0, currentMessageId: null,
        createdAt: now, updatedAt: now, lastMessageAt: null, stream: null, revision: 0, metadata: {},
    };
    put({ ...(had ?? blank), lastMessageAt: now });
    return () => (had ? put(had) : drop(id));
}

/** An answer has begun in it. */
export function touchConversation(id: string, stream: Conversation["stream"]): void {
    const c = conversations.value.find((o) => o.id === id);
    if (c) putAndTell({ ...c, stream });
    else void refreshConversation(id);
}

/** What a stream said of its conversation: its title, mostly. */
export function amend(id: string, change: Partial<Conversation>): void {
    const c = conversations.value.find((o) => o.id === id);
    if (c) putAndTell({ ...c, ...change });
}

export async function change(c: Conversation, to: Parameters<typeof api.change>[1]): Promise<void> {
    putAndTell(await api.change(c.id, to));
}

let forgetting = 0;

function offerUndo(conversation: Conversation, archived: boolean): void {
    removed.value = { conversation, archived };
    clearTimeout(forgetting);
    forgetting = window.setTimeout(() => (removed.value = null), 10000);
}

export async function archive(c: Conversation): Promise<void> {
    await change(c, { archived: true });
    offerUndo(c, true);
}

export async function remove(c: Conversation): Promise<void> {
    await api.remove(c.id);
    drop(c.id);
    tell({ what: "gone", id: c.id });
    offerUndo(c, false);
}

export async function bringBack(): Promise<void> {
    const back = removed.value;
    if (!back) return;
    removed.value = null;
    if (back.archived) await change(back.conversation, { archived: false });
    else putAndTell(await api.restore(back.conversation.id));
}

export function mark(id: string, isFresh: boolean): void {
    if (fresh.value.has(id) === isFresh) return;
    const ids = new Set(fresh.value);
    if (isFresh) ids.add(id);
    else ids.delete(id);
    fresh.value = ids;
}

export interface Group {
    name: Key | string;
    list: Conversation[];
}

const DAY = 86400000;

function groupOf(c: Conversation, today: number): Key | string {
    if (c.pinned) return "group.pinned";
    const at = Date.parse(when(c));
    if (at >= today) return "group.today";
    if (at >= today - DAY) return "group.yesterday";
    if (at >= today - 7 * DAY) return "group.week";
    if (at >= today - 30 * DAY) return "group.month";
    return when(c).slice(0, 7);
}

/** Pinned, today, yesterday, a week, a month, and months by their date. */
export const groups = computed<Group[]>(() => {
    const today = new Date().setHours(0, 0, 0, 0);
    const byName = new Map<string, Conversation[]>([["group.pinned", []]]);
    for (const c of conversations.value) {
        const name = groupOf(c, today);
        if (!byName.has(name)) byName.set(name, []);
        byName.get(name)!.push(c);
    }
    return [...byName].filter(([, list]) => list.length).map(([name, list]) => ({ name, list }));
});
