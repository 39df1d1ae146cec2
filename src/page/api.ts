// SPDX-License-Identifier: Apache-2.0
//
// The HTTP API, as its OpenAPI document has it: each call by its name, and errors
// as the server said them. What is called seldom is in more.ts.
import type { components } from "./api.d";

type S = components["schemas"];

export type LimitLeft = S["LimitState"];
export type Me = S["Me"];
export type Model = Omit<S["Model"], "reason"> & { description?: string | null; deprecated?: boolean; reason?: { code: string; tiers?: string[]; message?: string } };
export type ModelList = { data: Model[]; providers?: { id: string; label?: string | null }[] };
export type Conversation = S["Conversation"];
export type ConversationPage = S["ConversationPage"];
export type Found = S["HitPage"]["data"][number];

export type Part =
    | { type: "text"; text: string }
    | { type: "reasoning"; text: string }
    | { type: "tool-call"; callId: string; name: string; arguments: string }
    | { type: "tool-result"; callId: string; content: string }
    | { type: "file"; uploadId: string; mediaType?: string; name?: string; size?: number };

export interface Usage {
    inputTokens?: number | null;
    outputTokens?: number | null;
    totalTokens?: number | null;
    reasoningTokens?: number;
    cachedInputTokens?: number;
    costUsd?: number | null;
}

/** What only this page knows of an answer that it heard. */
export interface Heard {
    /** Seconds from the first thought to the first word. */
    thought?: number;
    /** Seconds from the first word to the last. */
    wrote?: number;
    /** The model that was asked, where another one answered. */
    asked?: string;
    /** Models that may answer instead, by what the server said when it failed. */
    others?: string[];
    /** What it was drawn under before the server gave it an id: it stays the same element. */
    key?: string;
}

export type Message = Omit<S["Message"], "parts" | "usage" | "role" | "conversationId" | "updatedAt"> & {
    role: "user" | "assistant" | "tool" | "system";
    parts: Part[];
    usage: Usage | null;
    heard?: Heard;
};

export interface Page<T> {
    data: T[];
    nextCursor: string | null;
}

/** What changed since a cursor: conversations as they are now, and ids of those that are gone. */
export interface Changes {
    changed: Conversation[];
    deleted: string[];
    cursor: string;
}

/** What the server refused, or why it was not reached (status 0). */
export class ApiError extends Error {
    constructor(
        readonly status: number,
        readonly code: string,
        message: string,
        readonly requestId: string | null = null,
        /** Seconds until it may be tried again. */
        readonly retryAfter: number | null = null,
        readonly body: Record<string, unknown> = {},
    ) {
        super(message);
    }
}

// The page stands beside the API: "/chat/" with "/api/v1", or as its head says.
const meta = document.querySelector<HTMLMetaElement>('meta[name="chat-api"]');
export const API = new URL(meta?.content || "/api/v1", location.href).pathname.replace(/\/$/, "");

async function failure(res: Response): Promise<ApiError> {
    const body = (await res.json().catch(() => ({}))) as Record<string, unknown>;
    const after = Number(res.headers.get("Retry-After") ?? body.retryAfter ?? NaN);
    return new ApiError(res.status, String(body.code ?? `http_${res.status}`), String(body.message ?? res.statusText),
        res.headers.get("X-Request-ID") ?? (body.requestId as string | undefined) ?? null, Number.isFinite(after) ? after : null, body);
}

/** A request; throws ApiError unless it is answered with 2xx. */
export async function call(method: string, path: string, body?: unknown, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (body !== undefined) headers.set("Content-Type", "application/json");
    const own: RequestInit = { method, credentials: "same-origin", ...init, headers };
    if (body !== undefined) own.body = typeof body === "string" ? body : JSON.stringify(body);
    let res: Response;
    try {
        res = await fetch(API + path, own);
    } catch (e) {
        if (e instanceof DOMException && e.name === "AbortError") throw e;
        throw new ApiError(0, "offline", "");
    }
    if (!res.ok) throw await failure(res);
    return res;
}

export async function json<T>(method: string, path: string, body?: unknown, init?: RequestInit): Promise<T> {
    const res = await call(method, path, body, init);
    return (res.status === 204 ? undefined : await res.json()) as T;
}

export const ifMatch = (revision?: number): RequestInit => (revision === undefined ? {} : { headers: { "If-Match": `"${revision}"` } });

export const query = (values: Record<string, string | number | boolean | null | undefined>): string => {
    const q = new URLSearchParams();
    for (const [k, v] of Object.entries(values)) if (v !== undefined && v !== null && v !== "") q.set(k, String(v));
    const text = q.toString();
    return text ? `?${text}` : "";
};

export const pathOf = (id: string) => `/conversations/${encodeURIComponent(id)}`;

export const api = {
    me: () => json<Me>("GET", "/me"),
    models: () => json<ModelList>("GET", "/models?locked=1"),
    conversations: (o: { after?: string | null; archived?: boolean; limit?: number }) => json<ConversationPage>("GET", `/conversations${query(o)}`),
    changes: (since: string | null) => json<Changes>("GET", `/conversations/changes${query({ since })}`),
    conversation: (id: string) => json<Conversation>("GET", pathOf(id)),
    change: (id: string, change: S["ConversationWish"]) => json<Conversation>("PATCH", pathOf(id), change),
    remove: (id: string) => json<void>("DELETE", pathOf(id)),
    restore: (id: string) => json<Conversation>("POST", `${pathOf(id)}/restore`),
    messages: (id: string, o: { before?: string | null; branch?: "current" | "all"; limit?: number }) =>
        json<Page<Message>>("GET", `${pathOf(id)}/messages${query(o)}`),
    removeMessage: (id: string, mid: string) => json<void>("DELETE", `${pathOf(id)}/messages/${mid}`),
    stop: (stream: string, seen?: number) => json<void>("POST", `/chat/stream/${stream}/stop`, seen ? { seen } : undefined),
};

/** What is to be said of an error that has no words of its own here. */
export const said = (e: unknown): string => (e instanceof ApiError ? e.message || e.code : String(e));
