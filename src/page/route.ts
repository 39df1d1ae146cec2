// SPDX-License-Identifier: Apache-2.0
//
// Addresses: "#/c/ID" a conversation, "#/s/ID" one that was shared, "#/admin/PART"
// the administrator's pages, else a new conversation.
import { signal } from "@preact/signals";
import { read, write } from "./keep";

export interface Route {
    what: "chat" | "shared" | "admin";
    id: string | null;
}

const KINDS: Record<string, Route["what"]> = { c: "chat", s: "shared", admin: "admin" };

const parse = (): Route => {
    const m = /^#\/(c|s|admin)(?:\/([\w-]+))?$/.exec(location.hash);
    return { what: KINDS[m?.[1] ?? "c"]!, id: m?.[2] ?? null };
};

// Whoever comes back from signing in goes on where he was.
const before = read<string | null>("return", null);
if (before !== null) {
    write("return", null);
    if (location.hash.length < 3) history.replaceState(null, "", before || "#/");
}

export const route = signal<Route>(parse());

addEventListener("hashchange", () => (route.value = parse()));
addEventListener("popstate", () => (route.value = parse()));

export const hrefOf = (id: string | null): string => (id ? `#/c/${id}` : "#/");

/** Goes there; `replace` leaves no step to go back to, as when a new conversation gets its id. */
export function go(id: string | null, replace = false): void {
    if (location.hash === hrefOf(id)) replace = true;
    if (replace) history.replaceState(null, "", hrefOf(id));
    else history.pushState(null, "", hrefOf(id));
    route.value = parse();
}
