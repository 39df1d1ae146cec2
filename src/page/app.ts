// SPDX-License-Identifier: Apache-2.0
//
// What the whole page knows: who is here, which models there are, what is chosen,
// and which part of the page is open.
import { computed, effect, signal } from "@preact/signals";
import { api, ApiError, type Me, type Message, type Model } from "./api";
import { cache } from "./cache";
import { apart, conversations, change, listState, loadConversations } from "./conversations";
import { speak } from "./i18n";
import { loadSettings, read, saveSettings, write, type Settings } from "./keep";
import { tell } from "./tabs";
import { conversationId } from "./thread";

export const settings = signal<Settings>(loadSettings());
export const me = signal<Me | null>(null);
export const signedOut = signal(false);
export const models = signal<Model[]>([]);
/** The server, or the cache, has said who is here and which models there are, or none of them could: what depends on it is shown at once, and moves no more. */
export const known = signal(false);
/** What providers are called, by their ids. */
export const providers = signal<Record<string, string>>({});
export const online = signal(navigator.onLine);
/** On a phone: whether the list of conversations lies over the page. */
export const drawer = signal(false);

/** The dialog that is open, and what it is about. */
export type Opened =
    | { name: "search" | "share" | "keyboard" | "chat" | "sign-in" }
    | { name: "settings"; tab?: "look" | "keys" | "usage" | "shared" | "data" }
    /** `pick`: what becomes of the model; without it the conversation is asked of it from now on. */
    | { name: "models"; pick?: (m: Model) => void }
    | { name: "info"; message: Message }
    | { name: "confirm"; what: string; act: () => void };

export const dialog = signal<Opened | null>(null);

export const narrow = matchMedia("(max-width: 767px)");

export function set<K extends keyof Settings>(name: K, value: Settings[K]): void {
    settings.value = { ...settings.value, [name]: value };
    saveSettings(settings.value);
    tell({ what: "settings", settings: settings.value });
}

export const conversation = computed(() => [...conversations.value, apart.value].find((c) => c?.id === conversationId.value) ?? null);

/** Whether the server says that it has this; what an older one does not say, it has not. */
export const has = (feature: string): boolean => me.value?.features[feature] === true;

/** The administrator's pages are for who has that role; the server decides anyway. */
export const isAdmin = computed(() => (me.value?.features.admin ?? me.value?.role?.split(",").includes("admin")) === true);

const chosen = signal<Record<string, string>>({});
const usable = (id: string | null | undefined) => models.value.find((m) => m.id === id && m.available);

/** The model of this conversation, of the last choice, or the server's. */
export const model = computed<Model | undefined>(
    () => usable(chosen.value[conversationId.value ?? ""]) ?? usable(conversation.value?.model) ?? usable(settings.value.model)
        ?? models.value.find((m) => m.default && m.available) ?? models.value.find((m) => m.available),
);

/** The conversation's own model, where it may not be asked any more. */
export const modelGone = computed(() => {
    const own = chosen.value[conversationId.value ?? ""] ?? conversation.value?.model;
    return own && models.value.length && !usable(own) ? own : null;
});

export function choose(m: Model): void {
    chosen.value = { ...chosen.value, [conversationId.value ?? ""]: m.id };
    set("model", m.id);
    if (conversation.value) void change(conversation.value, { model: m.id }).catch(() => undefined);
}

export const modelName = (id: string | null | undefined): string => models.value.find((m) => m.id === id)?.label ?? id ?? "";

/** What was kept here belongs to one user: another one finds nothing of it. */
async function belongTo(user: string): Promise<void> {
    const was = read<string | null>("user", null);
    if (was === user) return;
    write("user", user);
    write("since", null);
    if (was === null) return;
    await cache.clear();
    conversations.value = [];
    apart.value = null;
    listState.value = "loading";
    tell({ what: "user" });
    // The list may have come before it was known whose it is.
    if (user) void loadConversations();
}

export async function loadMe(): Promise<void> {
    try {
        const who = await api.me();
        await belongTo(who.id ?? "");
        me.value = who;
        if (who.brand.accent) void import("./brand").then((b) => b.paint(who.brand.accent!));
        signedOut.value = false;
        if (dialog.value?.name === "sign-in") dialog.value = null;
        cache.put("me", who);
    } catch (e) {
        if (e instanceof ApiError && e.status === 401) signOff(e);
    }
}

/** The session has ended: what is on the screen stays, and one may sign in again. */
export function signOff(e: ApiError): void {
    const signInUrl = e.body.signInUrl as string | undefined;
    if (!me.value && signInUrl) me.value = { ...nobody(), signInUrl };
    signedOut.value = true;
    dialog.value ??= { name: "sign-in" };
}

const nobody = (): Me => ({
    id: null, name: null, email: null, image: null, role: null, tier: null, guest: false, limits: null, clamps: {}, features: {}, uploads: null, onLeave: "stop",
    signInUrl: null, signOutUrl: null, brand: {}, suggestions: [], version: "",
});

export async function loadModels(): Promise<void> {
    try {
        const list = await api.models();
        models.value = list.data;
        providers.value = Object.fromEntries((list.providers ?? []).map((p) => [p.id, p.label ?? p.id]));
        cache.put("models", list);
    } catch {
        // Those of the cache stay.
    }
}

/** Before the server has been heard. */
export async function showCachedModels(): Promise<void> {
    const [list, who] = await Promise.all([cache.get<{ data: Model[] }>("models"), cache.get<Me>("me")]);
    if (!models.value.length) models.value = list?.data ?? [];
    if (!me.value && who?.id === read("user", null)) me.value = who;
    if (me.value && models.value.length) known.value = true;
}

/** To the sign-in page, and back to where one was. */
export function signIn(): void {
    const url = me.value?.signInUrl;
    if (!url) return;
    write("return", location.hash);
    location.assign(url);
}

/** Asks again who is here, when somebody may have signed in or out elsewhere. */
export async function whoNow(): Promise<void> {
    const was = me.value?.id;
    await loadMe();
    if (me.value?.id !== was && !signedOut.value) await Promise.all([loadModels(), loadConversations()]);
}

effect(() => {
    const { theme, size, language } = settings.value;
    document.documentElement.dataset.theme = theme;
    document.documentElement.dataset.size = size;
    void speak(language);
});

addEventListener("online", () => (online.value = true));
addEventListener("offline", () => (online.value = false));
