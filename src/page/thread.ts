// SPDX-License-Identifier: Apache-2.0
//
// The conversation that is shown: its branch of messages, how far the answer that
// runs has come, and what was refused. State is signals; components only read them.
import { batch, computed, signal } from "@preact/signals";
import { api, ApiError, type Message, type Part } from "./api";
import { cache } from "./cache";
import { route } from "./route";
import { tell } from "./tabs";

export interface Notice {
    kind: "limit" | "error" | "busy" | "archived";
    error: ApiError;
    /** When one may try again, in milliseconds since 1970. */
    until?: number;
}

export type Phase = "idle" | "sending" | "waiting" | "reasoning" | "writing" | "reconnecting" | "stopping";

/** null: a new one, one of a guest, or a temporary one, which nobody keeps. */
export const conversationId = signal<string | null>(route.value.what === "chat" ? route.value.id : null);
export const messages = signal<Message[]>([]);
/** The cursor of the messages before those that are shown. */
export const older = signal<string | null>(null);
export const loading = signal(conversationId.value !== null);
export const missing = signal<ApiError | null>(null);
/** It is not there, or not this user's: nothing can be asked in it. */
export const isGone = computed(() => missing.value?.status === 404 || missing.value?.status === 400);
export const phase = signal<Phase>("idle");
export const phaseSince = signal(0);
/** What the server does before the first word, where it says so. */
export const stage = signal("");
export const notice = signal<Notice | null>(null);
export const temporary = signal(false);
/** What the model is told first in a conversation that has not begun. */
export const system = signal("");
export const busy = computed(() => phase.value !== "idle");
/** Grows when the answer that runs has new text: what draws it need not look at all messages. */
export const pulse = signal(0);
/** How many texts wait for a formula before they show the rest of what has come. */
export const held = signal(0);
/** The message that is to be looked at, as search found it. */
export const sought = signal<string | null>(null);

export function move(to: Phase): void {
    if (phase.value === to) return;
    phase.value = to;
    phaseSince.value = Date.now();
}

export function blank(role: Message["role"], id: string, parentId: string | null, parts: Part[], status: Message["status"]): Message {
    return {
        id, parentId, role, status, parts, siblings: 1, siblingIndex: 1, createdAt: new Date().toISOString(),
        model: null, provider: null, finishReason: null, usage: null, error: null, feedback: null,
    };
}

export function patchMessage(id: string, change: Partial<Message>): void {
    messages.value = messages.value.map((m) => (m.id === id ? { ...m, ...change } : m));
}

export function refuse(error: ApiError): void {
    const kind = error.status === 429 ? "limit"
        : error.code === "conversation_busy" ? "busy"
        : error.code === "conversation_archived" ? "archived"
        : "error";
    notice.value = error.retryAfter === null ? { kind, error } : { kind, error, until: Date.now() + 1000 * error.retryAfter };
}

/** Shows nothing of any conversation, or nothing of this one yet. */
export function clear(id: string | null): void {
    batch(() => {
        conversationId.value = id;
        messages.value = [];
        older.value = null;
        missing.value = null;
        notice.value = null;
        system.value = "";
        loading.value = id !== null;
    });
}

interface Kept {
    messages: Message[];
    older: string | null;
}

export const textOf = (m: { parts: Part[] }): string => m.parts.flatMap((p) => (p.type === "text" ? [p.text] : [])).join("\n\n");

const KEPT = 50;

/** What a reload, or a later visit, begins with. Nothing of a temporary conversation is kept, and a guest's one is "guest". */
export function keep(): void {
    if (temporary.value || missing.value || loading.value) return;
    const id = conversationId.value ?? "guest";
    const list = messages.value.slice(-KEPT);
    cache.put(`messages.${id}`, { messages: list, older: messages.value.length > KEPT ? null : older.value } satisfies Kept);
}

/** What the cache has of it, until the server answers. */
export async function showKept(id: string): Promise<void> {
    const kept = await cache.get<Kept>(`messages.${id}`);
    if (!kept?.messages.length || conversationId.value !== (id === "guest" ? null : id) || messages.value.length || busy.value) return;
    batch(() => {
        messages.value = kept.messages;
        loading.value = false;
    });
}

/** A message that is as it was stays the same object, and is not drawn again. */
function same(list: Message[]): Message[] {
    const had = new Map(messages.value.map((m) => [m.id, m]));
    return list.map((m) => {
        const old = had.get(m.id);
        if (!old) return m;
        const { heard, ...plain } = old;
        return JSON.stringify(plain) === JSON.stringify(m) ? old : { ...m, ...(heard && { heard }) };
    });
}

/** The newest messages of the branch; false: they could not be had, or nobody waits for them any more. */
export async function load(id: string, limit = 30): Promise<boolean> {
    try {
        const page = await api.messages(id, { limit });
        if (conversationId.value !== id) return false;
        batch(() => {
            messages.value = same(page.data);
            older.value = page.nextCursor;
            loading.value = false;
            missing.value = null;
        });
        keep();
        return true;
    } catch (e) {
        if (conversationId.value !== id || !(e instanceof ApiError)) return false;
        loading.value = false;
        // What is shown of the cache may be read while the server is away.
        if (!messages.value.length || e.status === 404) missing.value = e;
        return false;
    }
}

/** As many as are shown, as they are now. */
export const reload = (id: string): Promise<boolean> => load(id, Math.min(100, Math.max(30, messages.value.length)));

export async function loadOlder(): Promise<void> {
    const id = conversationId.value;
    const before = older.value;
    if (!id || !before) return;
    older.value = null;
    try {
        const page = await api.messages(id, { before, limit: 50 });
        if (conversationId.value !== id) return;
        batch(() => {
            messages.value = [...page.data, ...messages.value];
            older.value = page.nextCursor;
        });
    } catch {
        if (conversationId.value === id) older.value = before;
    }
}

/** All of them, as a printer needs them, or a search. */
export async function loadAll(): Promise<void> {
    while (older.value) {
        const before = older.value;
        await loadOlder();
        if (older.value === before) return;
    }
}

/** Shows the sibling of `message` that is `step` further, with the newest branch below it. */
export async function turnTo(message: Message, step: 1 | -1): Promise<void> {
    const id = conversationId.value;
    if (!id || busy.value) return;
    const all: Message[] = [];
    for (let before: string | null = null; ; ) {
        const page = await api.messages(id, { branch: "all", limit: 100, before });
        all.unshift(...page.data);
        if (!(before = page.nextCursor)) break;
    }
    const sibling = all.filter((m) => m.parentId === message.parentId)[message.siblingIndex - 1 + step];
    if (!sibling) return;
    let leaf = sibling;
    for (let next; (next = all.findLast((m) => m.parentId === leaf.id)); ) leaf = next;
    await api.change(id, { currentMessageId: leaf.id });
    await load(id, 100);
    tell({ what: "messages", id });
}

export async function removeMessage(message: Message): Promise<void> {
    const id = conversationId.value;
    if (busy.value) return;
    if (!id) {
        messages.value = messages.value.slice(0, messages.value.indexOf(message));
        return keep();
    }
    await api.removeMessage(id, message.id);
    await reload(id);
    tell({ what: "messages", id });
}
