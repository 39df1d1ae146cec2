// SPDX-License-Identifier: Apache-2.0
//
// The tabs of this browser tell each other what they change, so that all show the
// same, and no stale one writes over what is newer.
import type { Conversation } from "./api";
import type { Settings } from "./keep";

export type News =
    | { what: "conversation"; conversation: Conversation }
    | { what: "gone"; id: string }
    /** Messages of it are others than they were. */
    | { what: "messages"; id: string }
    /** What was the draft is a question now. */
    | { what: "sent"; draft: string; text: string }
    | { what: "settings"; settings: Settings }
    /** Somebody else is here now, or nobody. */
    | { what: "user" };

const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel("chat") : null;

export const tell = (news: News): void => channel?.postMessage(news);

export const hearTabs = (listener: (news: News) => void): void => channel?.addEventListener("message", (e: MessageEvent<News>) => listener(e.data));

/** Does in one tab what needs to be done in one; the others are told what came of it. */
export async function inOneTab(name: string, work: () => Promise<void>): Promise<void> {
    if (!("locks" in navigator)) return work();
    await navigator.locks.request(`chat.${name}`, { ifAvailable: true }, (lock) => (lock ? work() : undefined));
}
