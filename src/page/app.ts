// SPDX-License-Identifier: Apache-2.0
//
// What the whole page knows: who is here, which models there are, what is chosen,
// and which part of the page is open.
import { computed, effect, signal } from "@preact/signals";
import { api, ApiError, type Me, type Model } from "./api";
import { speak } from "./i18n";
import { loadSettings, saveSettings, type Settings } from "./keep";
import { conversations } from "./conversations";
import { conversationId } from "./thread";

export const settings = signal<Settings>(loadSettings());
export const me = signal<Me | null>(null);
export const signedOut = signal(false);
export const models = signal<Model[]>([]);
export const online = signal(navigator.onLine);
/** On a phone: whether the list of conversations lies over the page. */
export const drawer = signal(false);
export const dialog = signal<"settings" | "search" | "models" | "share" | "keys" | null>(null);

export const narrow = matchMedia("(max-width: 767px)");

export function set<K extends keyof Settings>(name: K, value: Settings[K]): void {
    settings.value = { ...settings.value, [name]: value };
    saveSettings(settings.value);
}

export const conversation = computed(() => conversations.value.find((c) => c.id === conversationId.value) ?? null);

const chosen = signal<Record<string, string>>({});

/** The model of this conversation, of the last choice, or the server's. */
export const model = computed<Model | undefined>(() => {
    const there = (id: string | null | undefined) => models.value.find((m) => m.id === id && m.available !== false);
    return there(chosen.value[conversationId.value ?? ""]) ?? there(conversation.value?.model) ?? there(settings.value.model)
        ?? models.value.find((m) => m.default && m.available !== false) ?? models.value.find((m) => m.available !== false);
});

export function choose(m: Model): void {
    chosen.value = { ...chosen.value, [conversationId.value ?? ""]: m.id };
    set("model", m.id);
}

export async function loadMe(): Promise<void> {
    try {
        me.value = await api.me();
        signedOut.value = false;
    } catch (e) {
        if (e instanceof ApiError && e.status === 401) signedOut.value = true;
    }
}

export async function loadModels(): Promise<void> {
    models.value = (await api.models().catch(() => ({ data: [] }))).data;
}

effect(() => {
    const { theme, size, language } = settings.value;
    document.documentElement.dataset.theme = theme;
    document.documentElement.dataset.size = size;
    void speak(language || undefined);
});

addEventListener("online", () => (online.value = true));
addEventListener("offline", () => (online.value = false));
