// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "preact/hooks";
import { ApiError, type LimitLeft } from "../api";
import { count, dateTime, language, t } from "../i18n";
import { more, type UsageReport, type UsageRow } from "../more";
import { leftOf, money } from "./money";

const DAY = 86400000;
const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

function Limit({ of: limit }: { of: LimitLeft }) {
    return (
        <label class="field">
            <span>
                {limit.name}: {leftOf(limit)}
                {limit.resetAt && <small> {t("usage.resets", { when: dateTime(limit.resetAt, { dateStyle: "short", timeStyle: "short" }) })}</small>}
            </span>
            <meter min={0} max={limit.limit} value={limit.limit - limit.remaining} high={0.8 * limit.limit} />
        </label>
    );
}

function sum(rows: UsageRow[], key: (r: UsageRow) => string): Map<string, UsageRow> {
    const out = new Map<string, UsageRow>();
    for (const r of rows) {
        const s = out.get(key(r));
        if (!s) out.set(key(r), { ...r });
        else for (const n of ["requests", "inputTokens", "outputTokens", "cachedTokens", "costUsd"] as const) s[n] += r[n];
    }
    return out;
}

/** A bar for each day, as a picture; the numbers are in the table below it. */
function Bars({ rows, from, days }: { rows: UsageRow[]; from: number; days: number }) {
    const byDay = sum(rows, (r) => r.day ?? "");
    const heights = Array.from({ length: days }, (_, i) => byDay.get(dayOf(from + i * DAY))).map((r) => (r ? r.inputTokens + r.outputTokens : 0));
    const most = Math.max(1, ...heights);
    return (
        <svg class="bars" viewBox={`0 0 ${days * 10} 60`} preserveAspectRatio="none" aria-hidden="true">
            {heights.map((h, i) => <rect key={i} x={i * 10 + 1} width={8} y={60 - (58 * h) / most} height={(58 * h) / most}><title>{`${new Date(from + i * DAY).toLocaleDateString(language.value)}: ${count(h)}`}</title></rect>)}
        </svg>
    );
}

function Row({ name, of: r }: { name: string; of: UsageRow }) {
    return (
        <tr>
            <th scope="row">{name}</th>
            {[r.requests, r.inputTokens, r.outputTokens, r.cachedTokens].map((n, i) => <td key={i}>{count(n)}</td>)}
            <td>{money(r.costUsd)}</td>
        </tr>
    );
}

export function Usage() {
    const [days, choose] = useState(30);
    const [report, show] = useState<UsageReport | ApiError | null>(null);
    const from = Date.now() - (days - 1) * DAY;
    const [first, last] = [dayOf(from), dayOf(Date.now())];
    useEffect(() => {
        show(null);
        void more.usage(first, last).then(show, (e: unknown) => e instanceof ApiError && show(e));
    }, [days]);
    if (report instanceof ApiError) return <p role="alert">{t("load.failed")} {report.message}</p>;
    const models = report ? [...sum(report.data, (r) => `${r.model}${r.ownKey ? ` (${t("usage.own")})` : ""}`)] : [];
    return (
        <>
            {report?.limits.map((l) => <Limit key={l.name} of={l} />)}
            <div class="row" role="group" aria-label={t("settings.usage")}>
                {[7, 30, 90].map((n) => (
                    <button key={n} type="button" aria-pressed={n === days} onClick={() => choose(n)}>{t("usage.days", { n })}</button>
                ))}
            </div>
            {report && !models.length && <p>{t("usage.none")}</p>}
            {report && models.length > 0 && (
                <>
                    <Bars rows={report.data} from={from} days={days} />
                    <div class="wide" tabIndex={0} role="region" aria-label={t("settings.usage")}>
                        <table class="usage">
                            <thead>
                                <tr>
                                    {(["usage.model", "usage.requests", "usage.in", "usage.out", "usage.cached", "usage.cost"] as const).map((k) => <th key={k} scope="col">{t(k)}</th>)}
                                </tr>
                            </thead>
                            <tbody>{models.map(([name, r]) => <Row key={name} name={name} of={r} />)}</tbody>
                            <tfoot><Row name={t("usage.total")} of={report.totals} /></tfoot>
                        </table>
                    </div>
                    <p><a class="button" href={more.usageCsvUrl(first, last)} download>{t("usage.csv")}</a></p>
                </>
            )}
        </>
    );
}
