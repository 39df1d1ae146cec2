// SPDX-License-Identifier: Apache-2.0
//
// The list of conversations, newest first, and what one does with each.
import { computed, signal } from "@preact/signals";
import { api, ApiError, type Conversation } from "./api";
import type { Key } from "./i18n";

export const conversations = signal<Conversation[]>([]);
export const listState = signal<"loading" | "ready" | "failed">("loading");
export const more = signal<string | null>(null);
/** A conversation that was deleted a moment ago, and can be brought back. */
export const removed = signal<Conversation | null>(null);

function put(c: Conversation): void {
    const rest = conversations.value.filter((o) => o.id !== c.id);
    conversations.value = c.archived ? rest : sorted([c, ...rest]);
}

const when = (c: Conversation) => c.lastMessageAt ?? c.createdAt;
const sorted = (list: Conversation[]) => [...list].sort((a, b) => (when(a) < when(b) ? 1 : when(a) > when(b) ? -1 : 0));

export async function loadConversations(): Promise<void> {
    try {
        const page = await api.conversations({ limit: 50 });
        conversations.value = page.data;
        more.value = page.nextCursor;
        listState.value = "ready";
    } catch (e) {
        if (!(e instanceof ApiError)) throw e;
        listState.value = e.status === 401 ? "ready" : "failed";
    }
}

export async function loadMore(): Promise<void> {
    const after = more.value;
    if (!after) return;
    more.value = null;
    const page = await api.conversations({ limit: 50, after });
    const known = new Set(conversations.value.map((c) => c.id));
    conversations.value = [...conversations.value, ...page.data.filter((c) => !known.has(c.id))];
    more.value = page.nextCursor;
}

export async function refreshConversation(id: string): Promise<Conversation | null> {
    const c = await api.conversation(id).catch(() => null);
    if (c) put(c);
    return c;
}

/** An answer has begun in it. */
export function touchConversation(id: string, stream: Conversation["stream"]): void {
    const c = conversations.value.find((o) => o.id === id);
    if (c) put({ ...c, stream, lastMessageAt: new Date().toISOString() });
    else void refreshConversation(id);
}

export async function change(c: Conversation, to: Parameters<typeof api.change>[1]): Promise<void> {
    put(await api.change(c.id, to));
}

let forgetting = 0;

export async function remove(c: Conversation): Promise<void> {
    await api.remove(c.id);
    conversations.value = conversations.value.filter((o) => o.id !== c.id);
    removed.value = c;
    clearTimeout(forgetting);
    forgetting = window.setTimeout(() => (removed.value = null), 10000);
}

export async function bringBack(): Promise<void> {
    const c = removed.value;
    if (!c) return;
    removed.value = null;
    put(await api.restore(c.id));
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
    const byName = new Map<string, Conversation[]>();
    byName.set("group.pinned", []);
    for (const c of conversations.value) {
        const name = groupOf(c, today);
        if (!byName.has(name)) byName.set(name, []);
        byName.get(name)!.push(c);
    }
    return [...byName].filter(([, list]) => list.length).map(([name, list]) => ({ name, list }));
});
