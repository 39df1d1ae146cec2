// SPDX-License-Identifier: Apache-2.0
import { signal } from "@preact/signals";
import { address, type Route } from "./address";

export const route = signal<Route>(address());

addEventListener("hashchange", () => (route.value = address()));
addEventListener("popstate", () => (route.value = address()));

export const hrefOf = (id: string | null): string => (id ? `#/c/${id}` : "#/");

/** Goes there; `replace` leaves no step to go back to, as when a new conversation gets its id. */
export function go(id: string | null, replace = false): void {
    if (location.hash === hrefOf(id)) replace = true;
    if (replace) history.replaceState(null, "", hrefOf(id));
    else history.pushState(null, "", hrefOf(id));
    route.value = address();
}
