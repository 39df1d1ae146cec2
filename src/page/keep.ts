// SPDX-License-Identifier: Apache-2.0
//
// What this browser keeps: settings, and drafts, which are never lost before they
// are sent. Storage that is full or forbidden is no reason to stop.

type Storage = "localStorage" | "sessionStorage";

/** What the browser does not take is held until the page is closed. */
const held = new Map<string, unknown>();

export function read<T>(key: string, otherwise: T, storage: Storage = "localStorage"): T {
    try {
        return ((held.get(storage + key) ?? JSON.parse(window[storage].getItem(`chat.${key}`) ?? "null")) as T | null) ?? otherwise;
    } catch {
        return otherwise;
    }
}

/** null removes it. */
export function write(key: string, value: unknown, storage: Storage = "localStorage"): void {
    held.delete(storage + key);
    try {
        if (value === null) window[storage].removeItem(`chat.${key}`);
        else window[storage].setItem(`chat.${key}`, JSON.stringify(value));
    } catch {
        held.set(storage + key, value);
    }
}

export interface Settings {
    theme: "system" | "light" | "dark";
    send: "enter" | "ctrl-enter";
    language: string;
    size: "small" | "normal" | "large";
    announce: boolean;
    model: string;
    favourites: string[];
    sidebar: boolean;
}

const DEFAULTS: Settings = { theme: "system", send: "enter", language: "", size: "normal", announce: false, model: "", favourites: [], sidebar: true };

export const loadSettings = (): Settings => ({ ...DEFAULTS, ...read<Partial<Settings>>("settings", {}) });
export const saveSettings = (s: Settings): void => write("settings", s);

/** A file that was uploaded, and belongs to a message that is not sent yet. */
export interface Attached {
    id: string;
    name: string;
    mediaType: string;
    size: number;
    /** It is in a message already, which is asked anew: it stays when it is taken out of this one. */
    used?: boolean;
}

/** One that has not arrived: it was on its way, or was refused for that reason. */
export interface Unsent {
    name: string;
    why?: string;
}

export interface Draft {
    text: string;
    files?: Attached[];
    unsent?: Unsent[];
    /** It goes as soon as the server can be reached. */
    queued?: boolean;
}

const draft = (key: string): string => `draft.${key}`;
const shared = (key: string): Draft => read<Draft>(draft(key), { text: "" });

/** The draft of a conversation, "" is that of a new one: as this tab has it, or as the tab that wrote last. */
export const draftOf = (key: string): Draft => read<Draft>(draft(key), shared(key), "sessionStorage");

export function keepDraft(key: string, d: Draft): void {
    const value = d.text || d.files?.length || d.unsent?.length ? d : null;
    write(draft(key), value);
    write(draft(key), value, "sessionStorage");
}

/** It was sent, by whichever tab: one that has the same text has no draft of its own any longer. */
export function forgetSent(key: string, text: string): void {
    if (draftOf(key).text.trim() === text) write(draft(key), null, "sessionStorage");
}

/**
 * Tells whose draft is another one because of what another tab has written. What was
 * written in this one stays, unless what is there now goes on from it.
 */
export function hearDrafts(listener: (key: string) => void): void {
    addEventListener("storage", (e) => {
        const key = /^chat\.draft\.(.*)$/.exec(e.key ?? "")?.[1];
        if (key === undefined) return;
        const own = read<Draft | null>(draft(key), null, "sessionStorage");
        if (own && !shared(key).text.includes(own.text)) return;
        if (own) write(draft(key), shared(key), "sessionStorage");
        listener(key);
    });
}

/** What was asked, while it is not known that it arrived: asked again under the same ids it is answered once. */
export interface Pending {
    conversation: string;
    question: string;
    parent: string | null;
    text: string;
    /** Whose draft it was. */
    draft: string;
}

export const pendingOf = (): Pending | null => read<Pending | null>("pending", null);
export const keepPending = (p: Pending | null): void => write("pending", p);
