// SPDX-License-Identifier: Apache-2.0
//
// The page's words. English is in the first file that is loaded; another
// language is fetched when the browser asks for it or the user chooses it.
import { signal } from "@preact/signals";
import { en } from "./en";

export type Key = keyof typeof en;
export type Strings = Record<Key, string>;

const OTHERS: Record<string, () => Promise<{ strings: Strings }>> = {
    de: () => import("./de"),
    ar: () => import("./ar"),
};
const RIGHT_TO_LEFT = new Set(["ar"]);

export const LANGUAGES: Record<string, string> = { en: "English", de: "Deutsch", ar: "العربية" };
export const language = signal("en");
const strings = signal<Strings>(en);

/** The text of `key`; {name} in it is the value of that name. */
export function t(key: Key, values?: Record<string, string | number>): string {
    const text = strings.value[key];
    return values ? text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole)) : text;
}

/** `one` or `other` of a key that has both, by the language's own rule where it has two forms. */
export function plural(key: string, n: number): string {
    const form = new Intl.PluralRules(language.value).select(n) === "one" ? "one" : "other";
    return t(`${key}.${form}` as Key, { n: n.toLocaleString(language.value) });
}

export async function speak(wanted: string | undefined): Promise<void> {
    const choice = [wanted, ...navigator.languages].map((l) => l?.split("-")[0]).find((l) => l && Object.hasOwn(LANGUAGES, l)) ?? "en";
    strings.value = choice === "en" ? en : (await OTHERS[choice]!()).strings;
    language.value = choice;
    document.documentElement.lang = choice;
    document.documentElement.dir = RIGHT_TO_LEFT.has(choice) ? "rtl" : "ltr";
}
