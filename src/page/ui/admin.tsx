// SPDX-License-Identifier: Apache-2.0
//
// The administrator's pages: what can be set while the server runs. What the
// configuration says is the floor, and stands beside each setting.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ApiError, said } from "../api";
import { loadModels, narrow, drawer, set, settings } from "../app";
import { count, dateTime, type Key, t } from "../i18n";
import "../i18n/en-seldom";
import { type AdminChange, type AdminLimit, type AdminModel, type AdminStream, type AdminUser, type AdminUserDetails, more } from "../more";
import "../style/admin.css";
import { IconButton } from "./dialog";
import { money } from "./money";

/** A list from the server, with what became of the last request. */
function useList<T>(load: (after: string | null) => Promise<{ data: T[]; nextCursor: string | null }>, on: unknown[] = []) {
    const [rows, show] = useState<T[] | null>(null);
    const [cursor, move] = useState<string | null>(null);
    const [says, say] = useState("");
    const fetchFrom = async (after: string | null) => {
        try {
            const page = await load(after);
            show((had) => [...(after ? (had ?? []) : []), ...page.data]);
            move(page.nextCursor);
        } catch (e) {
            say(said(e));
        }
    };
    useEffect(() => void fetchFrom(null), on);
    return { rows, show, says, say, again: () => fetchFrom(null), more: cursor ? () => fetchFrom(cursor) : null };
}

/** Does it, and says what became of it; a setting that somebody else has changed meanwhile is shown as it is. */
async function act(say: (s: string) => void, what: () => Promise<unknown>, current?: (is: unknown) => void): Promise<boolean> {
    try {
        await what();
        say(t("saved"));
        return true;
    } catch (e) {
        if (e instanceof ApiError && e.status === 412 && e.body.current && current) {
            current(e.body.current);
            say(t("admin.changed"));
        } else {
            say(said(e));
        }
        return false;
    }
}

function Table({ label, heads, children }: { label: string; heads: Key[]; children: ComponentChildren }) {
    return (
        <div class="wide" tabIndex={0} role="region" aria-label={label}>
            <table>
                <thead><tr>{heads.map((h) => <th key={h} scope="col">{t(h)}</th>)}</tr></thead>
                <tbody>{children}</tbody>
            </table>
        </div>
    );
}

function Foot({ list }: { list: ReturnType<typeof useList<any>> }) {
    return (
        <>
            {list.rows && !list.rows.length && <p class="hint">{t("admin.none")}</p>}
            {list.more && <p><button type="button" onClick={() => void list.more!()}>{t("admin.more")}</button></p>}
            <p role="status" class="says">{list.says}</p>
        </>
    );
}

/** A value that is changed in its place: Enter keeps it, Escape leaves it as it was, nothing takes the setting back. */
function Cell({ label, value, placeholder, number = false, onSave }: { label: string; value: string; placeholder?: string; number?: boolean; onSave: (v: string) => void }) {
    const [text, write] = useState(value);
    useEffect(() => write(value), [value]);
    const end = () => text.trim() !== value && onSave(text.trim());
    return (
        <input
            class="cell" aria-label={label} value={text} placeholder={placeholder ?? ""} inputMode={number ? "decimal" : "text"} autocomplete="off"
            onInput={(e) => write(e.currentTarget.value)}
            onBlur={end}
            onKeyDown={(e) => {
                if (e.isComposing) return;
                if (e.key === "Enter") e.currentTarget.blur();
                if (e.key === "Escape") write(value);
            }}
        />
    );
}

const PRICES = ["priceIn", "priceOut", "priceCached"] as const;
const shown = (n: number | null) => (n === null ? "" : String(n));

function Models() {
    const list = useList<AdminModel>(() => more.models());
    const [words, find] = useState("");
    const put = (m: AdminModel) => list.show((rows) => rows!.map((r) => (r.name === m.name ? m : r)));
    const change = (m: AdminModel, wish: Parameters<typeof more.setModel>[1]) =>
        void act(list.say, async () => put(await more.setModel(m, wish)), (is) => put(is as AdminModel)).then(() => loadModels());
    /** Both prices are known, or neither is. */
    const price = (m: AdminModel, name: (typeof PRICES)[number], v: string) => {
        const n = v === "" ? null : Number(v.replace(",", "."));
        if (n !== null && !(n >= 0)) return list.say(t("admin.number"));
        const other = name === "priceIn" ? "priceOut" : name === "priceOut" ? "priceIn" : null;
        change(m, { [name]: n, ...(other && (n === null ? { [other]: null } : { [other]: m[other] ?? n })) });
    };
    const rows = list.rows?.filter((m) => `${m.label} ${m.name} ${m.providers.join(" ")}`.toLowerCase().includes(words.trim().toLowerCase()));
    return (
        <>
            <input type="search" aria-label={t("model.find")} placeholder={t("model.find")} value={words} onInput={(e) => find(e.currentTarget.value)} />
            <Table label={t("admin.models")} heads={["admin.model", "admin.provider", "admin.tiers", "admin.in", "admin.out", "admin.cached", "admin.on"]}>
                {rows?.map((m) => (
                    <tr key={m.name}>
                        <th scope="row"><b>{m.label ?? m.name}</b>{m.label && <small>{m.name}</small>}</th>
                        <td>{m.providers.join(", ")}</td>
                        <td>
                            <Cell
                                label={t("admin.of", { what: t("admin.tiers"), name: m.name })} value={(m.tier ?? []).join(", ")} placeholder={(m.configured.tier ?? []).join(", ") || t("admin.all")}
                                onSave={(v) => change(m, { tier: v ? v.split(/[\s,]+/).filter(Boolean) : null })}
                            />
                            {m.configured.tier && <small>{t("admin.configured", { value: m.configured.tier.join(", ") })}</small>}
                        </td>
                        {PRICES.map((p) => (
                            <td key={p}>
                                <Cell
                                    number label={t("admin.of", { what: t(p === "priceIn" ? "admin.in" : p === "priceOut" ? "admin.out" : "admin.cached"), name: m.name })}
                                    value={shown(m[p])} placeholder={shown(m.configured[p])} onSave={(v) => price(m, p, v)}
                                />
                                {m.configured[p] !== null && m.configured[p] !== m[p] && <small>{t("admin.configured", { value: shown(m.configured[p]) })}</small>}
                            </td>
                        ))}
                        <td>
                            <input
                                type="checkbox" role="switch" aria-label={t("admin.of", { what: t("admin.on"), name: m.name })} checked={m.enabled}
                                onChange={(e) => change(m, { enabled: e.currentTarget.checked })}
                            />
                        </td>
                    </tr>
                ))}
            </Table>
            <p class="hint">{t("admin.prices.help")}</p>
            <Foot list={list} />
        </>
    );
}

const windowOf = (s: number): string =>
    s % 86400 === 0 ? t("admin.days", { n: s / 86400 }) : s % 3600 === 0 ? t("admin.hours", { n: s / 3600 }) : s % 60 === 0 ? t("admin.minutes", { n: s / 60 }) : t("admin.seconds", { n: s });
const numberOf = (n: number, unit: string) => (unit === "usd" ? money(n) : count(n));

/** The same at several places of the site is told once. */
const distinct = <T,>(list: T[]): T[] => [...new Map(list.map((p) => [JSON.stringify(p), p])).values()];

function Limits() {
    const list = useList<AdminLimit>(() => more.limits());
    const put = (l: AdminLimit) => list.show((rows) => rows!.map((r) => (r.name === l.name ? l : r)));
    const change = (l: AdminLimit, v: string) => {
        const n = Number(v.replace(",", "."));
        if (v !== "" && !(n >= 0)) return list.say(t("admin.number"));
        void act(list.say, async () => {
            if (v === "") await more.clearLimit(l);
            put(v === "" ? await more.limit(l.name) : await more.setLimit(l, n));
        }, (is) => put(is as AdminLimit));
    };
    return (
        <>
            <Table label={t("admin.limits")} heads={["admin.limit", "admin.counts", "admin.window", "admin.tiers", "admin.model", "admin.configures", "admin.holds", "admin.set"]}>
                {list.rows?.map((l) => distinct(l.policies).map((p, i, all) => (
                    <tr key={`${l.name}${i}`}>
                        {i === 0 && <th scope="row" rowSpan={all.length}>{l.name}</th>}
                        <td>{t(`unit.${p.unit}`)}</td>
                        <td>{p.unit === "streams" ? "" : windowOf(p.windowSeconds)}</td>
                        <td>{p.tier ?? t("admin.all")}</td>
                        <td>{p.model ?? t("admin.all")}</td>
                        <td>{numberOf(p.configured, p.unit)}</td>
                        <td>{numberOf(p.limit, p.unit)}</td>
                        {i === 0 && (
                            <td rowSpan={all.length}>
                                <Cell number label={t("admin.of", { what: t("admin.set"), name: l.name })} value={shown(l.limit)} placeholder={t("admin.unset")} onSave={(v) => change(l, v)} />
                            </td>
                        )}
                    </tr>
                )))}
            </Table>
            <p class="hint">{t("admin.limits.help")}</p>
            <Foot list={list} />
        </>
    );
}

/** A day that a form has, at its end; none: without an end. */
const untilOf = (day: string): { until?: string } => (day ? { until: new Date(`${day}T23:59:59`).toISOString() } : {});

function UserCard({ user, onChange }: { user: AdminUser; onChange: (u: AdminUser) => void }) {
    const [details, show] = useState<AdminUserDetails | null>(null);
    const [says, say] = useState("");
    const [tier, name] = useState(user.tier?.source === "admin" ? user.tier.name : "");
    const [reason, because] = useState(user.block?.reason ?? "");
    const [until, till] = useState("");
    const load = () => more.user(user.id).then(show, (e: unknown) => say(said(e)));
    useEffect(() => void load(), [user.id]);
    const change = (what: () => Promise<AdminUser>) => void act(say, async () => onChange(await what()), (is) => onChange(is as AdminUser)).then(() => load());
    return (
        <section class="card" aria-label={user.id}>
            <h3>{user.id}</h3>
            {details && (
                <p>
                    {t("admin.used", { requests: count(details.usage.requests), tokens: count(details.usage.inputTokens + details.usage.outputTokens), cost: money(details.usage.costUsd) })}
                    {details.streams.length > 0 && ` · ${t("admin.running", { n: details.streams.length })}`}
                </p>
            )}
            <div class="form">
                <label class="field"><span>{t("admin.until")}</span><input type="date" value={until} onInput={(e) => till(e.currentTarget.value)} /></label>
                <form class="row" onSubmit={(e) => (e.preventDefault(), change(() => more.setTier(user, { tier: tier.trim() || null, ...untilOf(until) })))}>
                    <label class="field"><span>{t("admin.tier")}</span><input value={tier} onInput={(e) => name(e.currentTarget.value)} /></label>
                    <button type="submit">{t("save")}</button>
                    {user.tier?.source === "admin" && <button type="button" onClick={() => change(() => more.setTier(user, { tier: null }))}>{t("admin.untier")}</button>}
                </form>
                <form class="row" onSubmit={(e) => (e.preventDefault(), change(() => more.setBlock(user, { reason: reason.trim(), ...untilOf(until) })))}>
                    <label class="field"><span>{t("admin.reason")}</span><input value={reason} onInput={(e) => because(e.currentTarget.value)} /></label>
                    <button type="submit" class="danger" disabled={!reason.trim()}>{t("admin.block")}</button>
                    {user.block && <button type="button" onClick={() => change(() => more.setBlock(user, { reason: null }))}>{t("admin.unblock")}</button>}
                </form>
            </div>
            <p role="status" class="says">{says}</p>
        </section>
    );
}

function Users() {
    const [words, find] = useState("");
    const list = useList<AdminUser>((after) => more.users(words.trim(), after), [words]);
    const [open, show] = useState<string | null>(null);
    const put = (u: AdminUser) => list.show((rows) => rows!.map((r) => (r.id === u.id ? u : r)));
    return (
        <>
            <input type="search" aria-label={t("admin.users.find")} placeholder={t("admin.users.find")} value={words} onInput={(e) => find(e.currentTarget.value)} />
            <Table label={t("admin.users")} heads={["admin.user", "admin.tier", "admin.state", "admin.do"]}>
                {list.rows?.map((u) => (
                    <tr key={u.id}>
                        <th scope="row">{u.id}</th>
                        <td>{u.tier ? `${u.tier.name} (${t(`admin.by.${u.tier.source}`)}${u.tier.until ? `, ${t("admin.till", { date: dateTime(u.tier.until) })}` : ""})` : ""}</td>
                        <td class={u.block ? "wrong" : ""}>{u.block ? `${t("admin.blocked")}: ${u.block.reason}${u.block.until ? `, ${t("admin.till", { date: dateTime(u.block.until) })}` : ""}` : t("admin.fine")}</td>
                        <td><button type="button" aria-expanded={open === u.id} aria-label={t("admin.change.of", { name: u.id })} onClick={() => show(open === u.id ? null : u.id)}>{t("admin.change")}</button></td>
                    </tr>
                ))}
            </Table>
            {list.rows?.filter((u) => u.id === open).map((u) => <UserCard key={u.id} user={u} onChange={put} />)}
            <Foot list={list} />
        </>
    );
}

function Streams() {
    const list = useList<AdminStream>((after) => more.streams(after));
    const stop = (s: AdminStream) => void act(list.say, async () => {
        await more.stopStream(s.id);
        list.show((rows) => rows!.filter((r) => r.id !== s.id));
    });
    return (
        <>
            <p class="row"><button type="button" onClick={() => void list.again()}>{t("admin.again")}</button></p>
            <Table label={t("admin.streams")} heads={["admin.user", "admin.began", "admin.heard", "admin.server", "admin.do"]}>
                {list.rows?.map((s) => (
                    <tr key={s.id}>
                        <th scope="row">{s.userId}</th>
                        <td>{dateTime(s.startedAt)}</td>
                        <td>{s.heartbeatAt ? dateTime(s.heartbeatAt) : ""}</td>
                        <td>{s.instance}</td>
                        <td><button type="button" class="danger" aria-label={t("admin.stop.of", { name: s.userId })} onClick={() => stop(s)}>{t("stop")}</button></td>
                    </tr>
                ))}
            </Table>
            <Foot list={list} />
        </>
    );
}

const setting = (s: object | null) => (s ? JSON.stringify(s) : "–");

function Audit() {
    const list = useList<AdminChange>((after) => more.audit(after));
    return (
        <>
            <Table label={t("admin.audit")} heads={["admin.when", "admin.who", "admin.what", "admin.whom", "admin.before", "admin.after", "admin.address"]}>
                {list.rows?.map((c) => (
                    <tr key={c.id}>
                        <td>{dateTime(c.at)}</td>
                        <th scope="row">{c.actor}</th>
                        <td>{c.action}</td>
                        <td>{c.target}</td>
                        <td><code>{setting(c.before)}</code></td>
                        <td><code>{setting(c.after)}</code></td>
                        <td>{c.address}</td>
                    </tr>
                ))}
            </Table>
            <Foot list={list} />
        </>
    );
}

const PARTS = { models: Models, limits: Limits, users: Users, streams: Streams, audit: Audit };
type PartName = keyof typeof PARTS;

export default function Admin({ part }: { part: string }) {
    const name: PartName = Object.hasOwn(PARTS, part) ? (part as PartName) : "models";
    const Shown = PARTS[name];
    useEffect(() => {
        document.title = `${t("admin")} · ${t(`admin.${name}`)}`;
    });
    return (
        <main class="admin">
            <header class="top">
                {(!settings.value.sidebar || narrow.matches) && <IconButton icon="sidebar" label={t("sidebar.open")} onClick={() => (narrow.matches ? (drawer.value = true) : set("sidebar", true))} />}
                <h1>{t("admin")}</h1>
            </header>
            <nav class="tabs across" aria-label={t("admin")}>
                {(Object.keys(PARTS) as PartName[]).map((p) => <a key={p} href={`#/admin/${p}`} aria-current={p === name ? "page" : undefined}>{t(`admin.${p}`)}</a>)}
            </nav>
            <div class="admin-part">
                <h2 class="offscreen">{t(`admin.${name}`)}</h2>
                <Shown key={name} />
            </div>
        </main>
    );
}
