// SPDX-License-Identifier: Apache-2.0
//
// What stands behind the "#": "#/c/ID" a conversation, "#/s/ID" one that was
// shared, "#/admin/PART" the administrator's pages, else a new conversation.
import { read, write } from "./keep";

export interface Route {
    what: "chat" | "shared" | "admin";
    id: string | null;
}

const KINDS: Record<string, Route["what"]> = { c: "chat", s: "shared", admin: "admin" };

export const address = (): Route => {
    const m = /^#\/(c|s|admin)(?:\/([\w-]+))?$/.exec(location.hash);
    return { what: KINDS[m?.[1] ?? "c"]!, id: m?.[2] ?? null };
};

// Whoever comes back from signing in goes on where he was.
const before = read<string | null>("return", null);
if (before !== null) {
    write("return", null);
    if (location.hash.length < 3) history.replaceState(null, "", before || "#/");
}
