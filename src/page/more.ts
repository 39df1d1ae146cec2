// SPDX-License-Identifier: Apache-2.0
//
// Calls that are made seldom; they come with the part of the page that makes them.
import { API, ifMatch, json, pathOf, query, type Conversation, type Found, type Page, type Part } from "./api";
import type { components } from "./api.d";

type S = components["schemas"];

export type Share = S["Share"];
export type Shared = Omit<S["Shared"], "messages"> & { messages: { role: "user" | "assistant"; parts: Part[]; model?: string; createdAt: string }[] };
export type Key = S["Key"];
export type UsageReport = S["Usage"];
export type UsageRow = S["Usage"]["data"][number];
export type AdminModel = S["AdminModel"];
export type AdminLimit = S["AdminLimit"];
export type AdminUser = S["AdminUser"];
export type AdminUserDetails = S["AdminUserDetails"];
export type AdminStream = S["AdminStream"];
export type AdminChange = S["AdminChange"];

const key = (provider: string) => `/keys/${encodeURIComponent(provider)}`;
const user = (id: string) => `/admin/users/${encodeURIComponent(id)}`;
/** Names of models may have slashes, which stay. */
const named = (name: string) => name.split("/").map(encodeURIComponent).join("/");

export const more = {
    search: (q: string, signal: AbortSignal) => json<Page<Found>>("GET", `/search${query({ q, limit: 20 })}`, undefined, { signal }),
    fork: (id: string, messageId: string) => json<Conversation>("POST", `${pathOf(id)}/fork`, { messageId }),
    feedback: (id: string, mid: string, kind: "positive" | "negative" | null) => json<void>("PUT", `${pathOf(id)}/messages/${mid}/feedback`, { kind }),

    shares: (id: string) => json<Page<Share>>("GET", `${pathOf(id)}/shares`),
    share: (id: string, wish: S["NewShare"]) => json<Share>("POST", `${pathOf(id)}/shares`, wish),
    unshare: (id: string, share: string) => json<void>("DELETE", `${pathOf(id)}/shares/${share}`),
    unshareAll: () => json<S["Deleted"]>("DELETE", "/shares?confirm=all"),
    shared: (id: string) => json<Shared>("GET", ["/shared", encodeURIComponent(id)].join("/")),

    import: (text: string, check: boolean) => json<S["ImportReport"]>("POST", `/import${check ? "?check=1" : ""}`, text),
    forget: () => json<S["Deleted"]>("DELETE", "/me?confirm=all"),

    keys: () => json<S["KeyList"]>("GET", "/keys"),
    putKey: (provider: string, wish: S["NewKey"]) => json<Key>("PUT", key(provider), wish),
    checkKey: (provider: string) => json<S["KeyCheck"]>("POST", `${key(provider)}/check`),
    removeKey: (provider: string) => json<void>("DELETE", key(provider)),

    usage: (from: string, to: string) => json<UsageReport>("GET", `/usage${query({ from, to, groupBy: "day,model,ownKey" })}`),
    usageCsvUrl: (from: string, to: string) => `${API}/usage${query({ from, to, groupBy: "day,model", format: "csv" })}`,

    models: () => json<S["AdminModelPage"]>("GET", "/admin/models"),
    setModel: (m: AdminModel, wish: S["ModelSetting"]) => json<AdminModel>("PATCH", `/admin/models/${named(m.name)}`, wish, ifMatch(m.revision)),
    limits: () => json<S["AdminLimitPage"]>("GET", "/admin/limits"),
    setLimit: (l: AdminLimit, limit: number) => json<AdminLimit>("PUT", `/admin/limits/${named(l.name)}`, { limit }, ifMatch(l.revision)),
    clearLimit: (l: AdminLimit) => json<void>("DELETE", `/admin/limits/${named(l.name)}`, undefined, ifMatch(l.revision)),
    limit: (name: string) => json<AdminLimit>("GET", `/admin/limits/${named(name)}`),
    users: (q: string, after: string | null) => json<S["AdminUserPage"]>("GET", `/admin/users${query({ q, limit: 50, after })}`),
    user: (id: string) => json<AdminUserDetails>("GET", user(id)),
    setTier: (u: AdminUser, wish: S["TierSetting"]) => json<AdminUser>("PUT", `${user(u.id)}/tier`, wish, ifMatch(u.revision)),
    setBlock: (u: AdminUser, wish: S["BlockSetting"]) => json<AdminUser>("PUT", `${user(u.id)}/block`, wish, ifMatch(u.revision)),
    streams: (after: string | null) => json<S["AdminStreamPage"]>("GET", `/admin/streams${query({ limit: 50, after })}`),
    stopStream: (id: string) => json<S["AdminStopping"]>("DELETE", `/admin/streams/${id}`),
    audit: (after: string | null) => json<S["AdminChangePage"]>("GET", `/admin/audit${query({ limit: 50, after })}`),
};

export const exportUrl = (id: string | null, format: string) => `${API}${id ? pathOf(id) : ""}/export?format=${format}`;
