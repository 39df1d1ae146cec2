// SPDX-License-Identifier: Apache-2.0
import type { Message } from "../api";
import { modelName, providers } from "../app";
import { count, dateTime, t } from "../i18n";
import "../i18n/en-seldom";
import { copyText } from "./copy";
import { Dialog } from "./dialog";
import { money } from "./money";

/** All that is known of a message: for a report, or a bill. */
export default function Info({ message: m, onClose }: { message: Message; onClose: () => void }) {
    const { usage: u } = m;
    const rows: [string, string | undefined][] = [
        [t("info.time"), dateTime(m.createdAt, { dateStyle: "full", timeStyle: "medium" })],
        [t("model"), m.model ? `${modelName(m.model)}${modelName(m.model) === m.model ? "" : ` (${m.model})`}` : undefined],
        [t("info.provider"), m.provider ? (providers.value[m.provider] ?? m.provider) : undefined],
        [t("usage.in"), u?.inputTokens == null ? undefined : count(u.inputTokens)],
        [t("usage.cached"), u?.cachedInputTokens ? count(u.cachedInputTokens) : undefined],
        [t("usage.out"), u?.outputTokens == null ? undefined : count(u.outputTokens)],
        [t("info.thoughts"), u?.reasoningTokens ? count(u.reasoningTokens) : undefined],
        [t("usage.cost"), u?.costUsd == null ? undefined : money(u.costUsd)],
        [t("info.end"), m.finishReason ?? m.status],
        [t("info.error"), m.error ? `${m.error.code}: ${m.error.message}` : undefined],
        ["id", m.id],
    ];
    const shown = rows.filter((r): r is [string, string] => r[1] !== undefined);
    return (
        <Dialog title={t("info")} class="info" onClose={onClose}>
            <dl class="facts-list">
                {shown.map(([name, value]) => (
                    <div key={name}>
                        <dt>{name}</dt>
                        <dd dir="auto">{value}</dd>
                    </div>
                ))}
            </dl>
            <p class="row"><button type="button" onClick={() => void copyText(shown.map((r) => r.join(": ")).join("\n"))}>{t("copy.message")}</button></p>
        </Dialog>
    );
}
