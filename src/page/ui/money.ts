// SPDX-License-Identifier: Apache-2.0
import { language } from "../i18n";

/** Dollars; what is less than one cent in cents, with two digits that say something. */
export const money = (usd: number): string =>
    usd > 0 && usd < 0.01
        ? `${(100 * usd).toLocaleString(language.value, { maximumSignificantDigits: 2 })} ¢`
        : usd.toLocaleString(language.value, { style: "currency", currency: "USD" });
