// SPDX-License-Identifier: Apache-2.0
//
// Addresses: "#/c/ID" a conversation, "#/s/ID" one that was shared, else a new one.
import { signal } from "@preact/signals";

export interface Route {
    what: "chat" | "shared";
    id: string | null;
}

const parse = (): Route => {
    const m = /^#\/([cs])\/([\w-]+)$/.exec(location.hash);
    return { what: m?.[1] === "s" ? "shared" : "chat", id: m?.[2] ?? null };
};

export const route = signal<Route>(parse());

addEventListener("hashchange", () => (route.value = parse()));

export const hrefOf = (id: string | null): string => (id ? `#/c/${id}` : "#/");

/** Goes there; `replace` leaves no step to go back to, as when a new conversation gets its id. */
export function go(id: string | null, replace = false): void {
    if (replace) history.replaceState(null, "", hrefOf(id));
    else history.pushState(null, "", hrefOf(id));
    route.value = parse();
}
