// SPDX-License-Identifier: Apache-2.0
import { count, language, t } from "../i18n";

/** Dollars; what is less than one cent in cents, with two digits that say something. */
export const money = (usd: number): string =>
    usd > 0 && usd < 0.01
        ? `${(100 * usd).toLocaleString(language.value, { maximumSignificantDigits: 2 })} ¢`
        : usd.toLocaleString(language.value, { style: "currency", currency: "USD" });

/** So much of what a limit counts. */
export function amount(n: number, unit: string): string {
    if (unit === "usd") return money(n);
    if (unit === "tokens" || unit === "requests" || unit === "streams") return `${count(n)} ${t(`unit.${unit}`)}`;
    return count(n);
}

/** "7,420 of 10,000 tokens left" */
export const leftOf = (l: { limit: number; remaining: number; unit: string }): string =>
    t("left", { left: l.unit === "usd" ? money(l.remaining) : count(l.remaining), limit: amount(l.limit, l.unit) });
