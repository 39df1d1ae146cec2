// SPDX-License-Identifier: Apache-2.0
//
// The page's words. English is in the first file that is loaded, but for what is
// seldom seen, which comes with it.
import { signal } from "@preact/signals";
import { en } from "./en";
import type { seldom } from "./en-seldom";
import { languageOf, wordsOf, writesTo } from "./languages";

export type Key = keyof typeof en | keyof typeof seldom;
export type Strings = Record<Key, string>;

export const language = signal("en");
const strings = signal<Partial<Strings>>(en);
const english: Partial<Strings> = { ...en };

/** More of English, as it comes with the parts that say it. */
export const learn = (more: Partial<Strings>): void => void Object.assign(english, more);

/** The text of `key`; {name} in it is the value of that name. */
export function t(key: Key, values?: Record<string, string | number>): string {
    const text = strings.value[key] ?? english[key] ?? key;
    return values ? text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole)) : text;
}

/** `one` or `other` of a key that has both, by the language's own rule where it has two forms. */
export function plural(key: string, n: number): string {
    const form = new Intl.PluralRules(language.value).select(n) === "one" ? "one" : "other";
    return t(`${key}.${form}` as Key, { n: count(n) });
}

/** Numbers and dates are written as where the reader is, if the browser says so for this language. */
const region = (): string => navigator.languages.find((l) => l.split("-")[0] === language.value) ?? language.value;

export const count = (n: number): string => n.toLocaleString(region());

export const dateTime = (iso: string, style: Intl.DateTimeFormatOptions = { dateStyle: "medium", timeStyle: "short" }): string =>
    new Date(iso).toLocaleString(region(), style);

export async function speak(wanted: string): Promise<void> {
    const root = document.documentElement;
    const choice = languageOf(wanted);
    try {
        strings.value = (await wordsOf(choice)) ?? en;
        language.value = root.lang = choice;
    } catch {
        // The file could not be fetched: what is said stays in the language it was in.
    }
    root.dir = writesTo(language.value);
}
