// SPDX-License-Identifier: Apache-2.0
//
// The conversation that is shown: its branch of messages, how far the answer that
// runs has come, and what was refused. State is signals; components only read them.
import { batch, computed, signal } from "@preact/signals";
import { api, ApiError, type Message, type Part } from "./api";

export interface Notice {
    kind: "limit" | "error" | "busy";
    error: ApiError;
    /** When one may try again, in milliseconds since 1970. */
    until?: number;
}

export type Phase = "idle" | "sending" | "waiting" | "reasoning" | "writing" | "reconnecting" | "stopping";

/** null: a new one, one of a guest, or a temporary one, which nobody keeps. */
export const conversationId = signal<string | null>(null);
export const messages = signal<Message[]>([]);
/** The cursor of the messages before those that are shown. */
export const older = signal<string | null>(null);
export const loading = signal(false);
export const missing = signal<ApiError | null>(null);
export const phase = signal<Phase>("idle");
export const phaseSince = signal(0);
export const notice = signal<Notice | null>(null);
export const temporary = signal(false);
export const busy = computed(() => phase.value !== "idle");
/** Grows when the answer that runs has new text: what draws it need not look at all messages. */
export const pulse = signal(0);

export function move(to: Phase): void {
    if (phase.value === to) return;
    phase.value = to;
    phaseSince.value = Date.now();
}

export function blank(role: Message["role"], id: string, parentId: string | null, parts: Part[], status: Message["status"]): Message {
    return { id, parentId, role, status, parts, siblings: 1, siblingIndex: 1, createdAt: new Date().toISOString() };
}

export function patchMessage(id: string, change: Partial<Message>): void {
    messages.value = messages.value.map((m) => (m.id === id ? { ...m, ...change } : m));
}

export function refuse(error: ApiError): void {
    const kind = error.status === 429 ? "limit" : error.code === "conversation_busy" ? "busy" : "error";
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
        loading.value = id !== null;
    });
}

/** The newest messages of the branch; false: they could not be had, or nobody waits for them any more. */
export async function load(id: string, limit = 30): Promise<boolean> {
    try {
        const page = await api.messages(id, { limit });
        if (conversationId.value !== id) return false;
        batch(() => {
            messages.value = page.data;
            older.value = page.nextCursor;
            loading.value = false;
        });
        return true;
    } catch (e) {
        if (conversationId.value !== id || !(e instanceof ApiError)) return false;
        loading.value = false;
        missing.value = e;
        return false;
    }
}

export async function loadOlder(): Promise<void> {
    const id = conversationId.value;
    const before = older.value;
    if (!id || !before) return;
    older.value = null;
    const page = await api.messages(id, { before, limit: 50 });
    if (conversationId.value !== id) return;
    batch(() => {
        messages.value = [...page.data, ...messages.value];
        older.value = page.nextCursor;
    });
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
}

export async function removeMessage(message: Message): Promise<void> {
    const id = conversationId.value;
    if (busy.value) return;
    if (!id) {
        messages.value = messages.value.slice(0, messages.value.indexOf(message));
        return;
    }
    await api.removeMessage(id, message.id);
    await load(id);
}
