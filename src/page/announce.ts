// SPDX-License-Identifier: Apache-2.0
//
// What a screen reader is told: one sentence at a time, politely.
import { signal } from "@preact/signals";
import { type Key, t } from "./i18n";

export const announced = signal("");

export function announce(key: Key, values?: Record<string, string | number>): void {
    announced.value = t(key, values);
}

/** Part of an answer, without the marks of its Markdown. */
export function announceText(text: string): void {
    announced.value = text.replace(/```[^]*?(?:```|$)/g, " ").replace(/[*_`#>|~]+/g, "").trim();
}
