// SPDX-License-Identifier: Apache-2.0
//
// What this browser keeps: settings, and drafts, which are never lost before they
// are sent. Storage that is full or forbidden is no reason to stop.

/** What the browser does not take is held until the page is closed. */
const held = new Map<string, unknown>();

export function read<T>(key: string, otherwise: T): T {
    try {
        return ((held.get(key) ?? JSON.parse(localStorage.getItem(`chat.${key}`) ?? "null")) as T | null) ?? otherwise;
    } catch {
        return otherwise;
    }
}

/** null removes it. */
export function write(key: string, value: unknown): void {
    held.delete(key);
    try {
        if (value === null) localStorage.removeItem(`chat.${key}`);
        else localStorage.setItem(`chat.${key}`, JSON.stringify(value));
    } catch {
        held.set(key, value);
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

/** The draft of a conversation; "" is that of a new one. */
export const draftOf = (key: string): Draft => read<Draft>(`draft.${key}`, { text: "" });
export const keepDraft = (key: string, draft: Draft): void => write(`draft.${key}`, draft.text || draft.files?.length || draft.unsent?.length ? draft : null);

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
