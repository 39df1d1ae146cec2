// SPDX-License-Identifier: Apache-2.0
//
// Which languages there are, and which one is spoken. The words of one that is not
// English are fetched when the browser asks for it or the user chooses it.
import type { Strings } from ".";

const OTHERS: Record<string, () => Promise<{ strings: Strings }>> = {
    de: () => import("./de"),
    ar: () => import("./ar"),
};
const RIGHT_TO_LEFT = new Set(["ar"]);

export const LANGUAGES: Record<string, string> = { en: "English", de: "Deutsch", ar: "العربية" };

/** The user's choice, or the first that the browser wants and the page has. */
export const languageOf = (wanted: string): string =>
    [wanted, ...navigator.languages].map((l) => l.split("-")[0]!).find((l) => Object.hasOwn(LANGUAGES, l)) ?? "en";

/** Its words; English ones are in the page's own script. */
export const wordsOf = async (language: string): Promise<Strings | null> => (language === "en" ? null : (await OTHERS[language]!()).strings);

export const writesTo = (language: string): "rtl" | "ltr" => (RIGHT_TO_LEFT.has(language) ? "rtl" : "ltr");
