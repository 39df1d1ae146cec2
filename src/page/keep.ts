// SPDX-License-Identifier: Apache-2.0
//
// What this browser keeps: settings, and drafts, which are never lost before they
// are sent. Storage that is full or forbidden is no reason to stop.

function read(key: string): string | null {
    try {
        return localStorage.getItem(key);
    } catch {
        return null;
    }
}

function write(key: string, value: string | null): void {
    try {
        if (value === null) localStorage.removeItem(key);
        else localStorage.setItem(key, value);
    } catch {
        // It is held in memory then, until the page is closed.
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

export function loadSettings(): Settings {
    try {
        return { ...DEFAULTS, ...(JSON.parse(read("chat.settings") ?? "{}") as Partial<Settings>) };
    } catch {
        return { ...DEFAULTS };
    }
}

export const saveSettings = (s: Settings): void => write("chat.settings", JSON.stringify(s));

/** The draft of a conversation; "" is that of a new one. */
export const draftOf = (conversation: string): string => read(`chat.draft.${conversation}`) ?? "";
export const keepDraft = (conversation: string, text: string): void => write(`chat.draft.${conversation}`, text || null);
