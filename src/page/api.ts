// SPDX-License-Identifier: Apache-2.0
//
// The HTTP API, as the pages of docs/ have it: each call by its name, and errors
// as the server said them.

export interface LimitLeft {
    name: string;
    unit: string;
    limit: number;
    remaining: number;
    resetAt?: string;
}

export interface Me {
    id: string | null;
    name?: string;
    email?: string;
    role?: string | null;
    tier?: string | null;
    guest?: boolean;
    signInUrl?: string;
    signOutUrl?: string;
    limits: Record<string, number>;
    left?: LimitLeft[];
    features?: Record<string, boolean>;
    onLeave?: "stop" | "finish";
    brand?: { name?: string; accent?: string; logo?: string };
}

export interface Model {
    id: string;
    label?: string;
    provider?: string;
    contextTokens?: number | null;
    price?: { inputPerMillion: number | null; outputPerMillion: number | null };
    capabilities?: string[];
    default?: boolean;
    available?: boolean;
    reason?: { code: string; tier?: string; message: string };
}

export interface Conversation {
    id: string;
    title: string | null;
    model: string | null;
    system: string | null;
    pinned: boolean;
    archived: boolean;
    messageCount: number;
    currentMessageId: string | null;
    createdAt: string;
    updatedAt: string;
    lastMessageAt: string | null;
    stream: { id: string; messageId: string } | null;
    revision: number;
}

export type Part =
    | { type: "text"; text: string }
    | { type: "reasoning"; text: string }
    | { type: "tool-call"; callId: string; name: string; arguments: string }
    | { type: "tool-result"; callId: string; content: string }
    | { type: "file"; uploadId: string; mediaType?: string; name?: string };

export interface Usage {
    inputTokens: number | null;
    outputTokens: number | null;
    totalTokens?: number | null;
    reasoningTokens?: number;
    cachedInputTokens?: number;
    costUsd?: number;
}

export type Status = "streaming" | "complete" | "cancelled" | "partial" | "failed";

export interface Message {
    id: string;
    parentId: string | null;
    role: "user" | "assistant" | "tool";
    status: Status;
    parts: Part[];
    model?: string | null;
    provider?: string | null;
    finishReason?: string | null;
    usage?: Usage | null;
    error?: { code: string; message: string } | null;
    siblings: number;
    siblingIndex: number;
    createdAt: string;
}

export interface Page<T> {
    data: T[];
    nextCursor: string | null;
}

export interface Found {
    conversationId: string;
    messageId: string | null;
    title: string | null;
    snippet: string;
    ranges: [number, number][];
    createdAt: string;
}

export interface Share {
    id: string;
    url: string;
    mode: string;
    createdAt: string;
    expiresAt: string | null;
}

export interface Shared {
    title: string | null;
    messages: { role: "user" | "assistant"; parts: Part[]; model?: string; createdAt: string }[];
    mode: string;
    createdAt: string;
}

export interface Key {
    provider: string;
    last4: string | null;
    lastUsedAt: string | null;
    expiresAt: string | null;
    status: "ok" | "invalid" | "unchecked";
}

export interface UsageRow {
    day?: string;
    model?: string;
    provider?: string;
    requests: number;
    inputTokens: number;
    outputTokens: number;
    cachedTokens: number;
    costUsd: number;
    ownKey?: boolean;
}

export interface UsageReport {
    data: UsageRow[];
    totals: UsageRow;
    limits: LimitLeft[];
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

async function json<T>(method: string, path: string, body?: unknown, init?: RequestInit): Promise<T> {
    const res = await call(method, path, body, init);
    return (res.status === 204 ? undefined : await res.json()) as T;
}

const query = (values: Record<string, string | number | boolean | null | undefined>): string => {
    const q = new URLSearchParams();
    for (const [k, v] of Object.entries(values)) if (v !== undefined && v !== null && v !== "") q.set(k, String(v));
    const text = q.toString();
    return text ? `?${text}` : "";
};

const conversation = (id: string) => `/conversations/${encodeURIComponent(id)}`;

export const api = {
    me: () => json<Me>("GET", "/me"),
    models: () => json<{ data: Model[] }>("GET", "/models?locked=1"),
    conversations: (o: { after?: string | null; archived?: boolean; pinned?: boolean; limit?: number }) =>
        json<Page<Conversation>>("GET", `/conversations${query(o)}`),
    conversation: (id: string) => json<Conversation>("GET", conversation(id)),
    create: (c: { id: string; title?: string; model?: string; system?: string }) => json<Conversation>("POST", "/conversations", c),
    change: (id: string, change: Partial<Pick<Conversation, "title" | "pinned" | "archived" | "model" | "system" | "currentMessageId">>, revision?: number) =>
        json<Conversation>("PATCH", conversation(id), change, revision === undefined ? {} : { headers: { "If-Match": `"${revision}"` } }),
    remove: (id: string) => json<void>("DELETE", conversation(id)),
    restore: (id: string) => json<Conversation>("POST", `${conversation(id)}/restore`),
    fork: (id: string, messageId: string) => json<Conversation>("POST", `${conversation(id)}/fork`, { messageId }),
    messages: (id: string, o: { before?: string | null; branch?: "current" | "all"; limit?: number }) =>
        json<Page<Message>>("GET", `${conversation(id)}/messages${query(o)}`),
    message: (id: string, mid: string) => json<Message>("GET", `${conversation(id)}/messages/${mid}`),
    removeMessage: (id: string, mid: string) => json<void>("DELETE", `${conversation(id)}/messages/${mid}`),
    feedback: (id: string, mid: string, kind: "positive" | "negative" | null) => json<void>("PUT", `${conversation(id)}/messages/${mid}/feedback`, { kind }),
    search: (q: string, signal: AbortSignal) => json<Page<Found>>("GET", `/search${query({ q, limit: 20 })}`, undefined, { signal }),
    shares: (id: string) => json<Page<Share>>("GET", `${conversation(id)}/shares`),
    share: (id: string) => json<Share>("POST", `${conversation(id)}/shares`),
    unshare: (id: string, share: string) => json<void>("DELETE", `${conversation(id)}/shares/${share}`),
    shared: (id: string) => json<Shared>("GET", `/shared/${encodeURIComponent(id)}`),
    exportUrl: (id: string | null, format: string) => `${API}${id ? conversation(id) : ""}/export?format=${format}`,
    import: (text: string, check: boolean) => json<{ conversations: number; messages: number }>("POST", `/import${check ? "?check=1" : ""}`, text),
    keys: () => json<{ data: Key[]; providers: string[] }>("GET", "/keys"),
    putKey: (provider: string, key: string) => json<Key>("PUT", `/keys/${encodeURIComponent(provider)}`, { key, check: true }),
    checkKey: (provider: string) => json<{ status: string; detail?: string }>("POST", `/keys/${encodeURIComponent(provider)}/check`),
    removeKey: (provider: string) => json<void>("DELETE", `/keys/${encodeURIComponent(provider)}`),
    usage: (from: string, to: string) => json<UsageReport>("GET", `/usage${query({ from, to, groupBy: "day,model" })}`),
    usageCsvUrl: (from: string, to: string) => `${API}/usage${query({ from, to, groupBy: "day,model", format: "csv" })}`,
    forget: () => json<{ deleted: number }>("DELETE", "/me?confirm=all"),
    stop: (stream: string, seen?: number) => json<void>("POST", `/chat/stream/${stream}/stop`, seen === undefined ? undefined : { seen }),
};
