// SPDX-License-Identifier: Apache-2.0
//
// The choice of a model: a field that finds, and a list by provider.
import { useState } from "preact/hooks";
import type { Model } from "../api";
import { choose, model, models, narrow, providers, set, settings } from "../app";
import { type Key, language, t } from "../i18n";
import "../i18n/en-seldom";
import { notice } from "../thread";
import { closeDialog, Dialog } from "./dialog";
import { Icon } from "./icons";
import "../style/models.css";

/** What the server calls a capability, and what it is to a user. */
const BADGES: Record<string, Key> = {
    effort: "cap.thinks", reasoning: "cap.thinks", thinks: "cap.thinks", parts: "cap.images", images: "cap.images", tools: "cap.tools", json: "cap.json",
};
const size = (tokens: number) => (tokens >= 1e6 ? `${Math.round(tokens / 1e5) / 10}M` : `${Math.round(tokens / 1000)}K`);
const usd = (n: number) => n.toLocaleString(language.value, { style: "currency", currency: "USD" });
const label = (m: Model) => m.label ?? m.id;
const badges = (m: Model) => [...new Set(m.capabilities.flatMap((c) => BADGES[c] ?? []))];
const lockedBy = (m: Model) => m.reason?.message ?? (m.reason?.tiers?.length ? t("model.for", { tiers: m.reason.tiers.join(", ") }) : t("model.locked"));

function Price({ of: price }: { of: Model["price"] }) {
    if (price?.inputPerMillion == null || price.outputPerMillion == null) return null;
    const [input, output] = [usd(price.inputPerMillion), usd(price.outputPerMillion)];
    return (
        <span class="price" title={t("model.price", { input, output })}>
            {input} / {output}
        </span>
    );
}

function Option({ m, at, chosen, liked, onPick }: { m: Model; at: boolean; chosen: boolean; liked: boolean; onPick: () => void }) {
    return (
        <div
            id={`model-${m.id}`} role="option" class={at ? "option at" : "option"} aria-selected={chosen} aria-disabled={!m.available}
            onClick={() => m.available && onPick()}
        >
            <span class="name">
                {!m.available && <Icon name="lock" />}
                {liked && <Icon name="star" />}
                {label(m)}
                {m.default && <small> {t("model.default")}</small>}
                {m.deprecated && <small> {t("model.old")}</small>}
            </span>
            <Price of={m.price} />
            {m.description && <small class="wide-line">{m.description}</small>}
            <span class="badges">
                {m.contextTokens && <small title={t("model.context")}>{size(m.contextTokens)}</small>}
                {badges(m).map((key) => <small key={key}>{t(key)}</small>)}
            </span>
            {!m.available && <span class="reason">{lockedBy(m)}</span>}
        </div>
    );
}

export default function ModelPicker({ pick, onClose }: { pick?: (m: Model) => void; onClose: () => void }) {
    const [words, find] = useState("");
    const favourites = new Set(settings.value.favourites);
    const group = (m: Model) => (favourites.has(m.id) ? "" : m.provider);
    const groupName = (g: string) => (g ? (providers.value[g] ?? g) : t("model.favourites"));
    const matching = models.value.filter((m) =>
        words.toLowerCase().split(/\s+/).every((w) => `${label(m)} ${m.id} ${m.provider} ${providers.value[m.provider] ?? ""}`.toLowerCase().includes(w)));
    const groups = [...new Set(matching.map(group))].sort((a, b) => Number(a !== "") - Number(b !== ""));
    const found = groups.flatMap((g) => matching.filter((m) => group(m) === g));
    const [at, move] = useState(Math.max(0, found.findIndex((m) => m.id === model.value?.id)));
    const here = found[Math.min(at, found.length - 1)];
    const take = (m: Model) => {
        closeDialog();
        if (pick) return pick(m);
        choose(m);
        // It may not be held to the limit of the other one: the server says so if it is.
        if (notice.value?.kind === "limit") notice.value = null;
    };
    const like = (m: Model) => set("favourites", favourites.has(m.id) ? settings.value.favourites.filter((id) => id !== m.id) : [...settings.value.favourites, m.id]);
    const onKeyDown = (e: KeyboardEvent) => {
        if (e.isComposing) return;
        const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: found.length - 1 }[e.key];
        if (to !== undefined) {
            e.preventDefault();
            const next = Math.max(0, Math.min(to, found.length - 1));
            move(next);
            document.getElementById(`model-${found[next]?.id}`)?.scrollIntoView({ block: "nearest" });
        } else if (e.key === "Enter" && here) {
            e.preventDefault();
            if (here.available) take(here);
        }
    };
    return (
        <Dialog title={pick ? t("again.with") : t("model")} class="picker" onClose={onClose}>
            <input
                type="search"
                list={undefined}
                // A keyboard that comes by itself would lie over the list.
                data-later={narrow.matches || undefined}
                role="combobox"
                aria-expanded="true"
                aria-controls="model-list"
                aria-autocomplete="list"
                aria-activedescendant={here ? `model-${here.id}` : undefined}
                aria-label={t("model.find")}
                placeholder={t("model.find")}
                value={words}
                onInput={(e) => (find(e.currentTarget.value), move(0))}
                onKeyDown={onKeyDown}
            />
            <div id="model-list" role="listbox" aria-label={t("model")} tabIndex={-1}>
                {groups.map((g) => (
                    <div key={g} role="group" aria-label={groupName(g)}>
                        <div class="group-name" aria-hidden="true">{groupName(g)}</div>
                        {found.filter((m) => group(m) === g).map((m) => (
                            <Option key={m.id} m={m} at={m === here} liked={favourites.has(m.id)} chosen={m.id === model.value?.id} onPick={() => take(m)} />
                        ))}
                    </div>
                ))}
            </div>
            {found.some((m) => m.price) && <small>{t("model.prices")}</small>}
            {!found.length && <p role="status">{t("model.none")}</p>}
            {here && (
                <button type="button" class="plain" aria-pressed={favourites.has(here.id)} onClick={() => like(here)}>
                    <Icon name="star" /> {t("model.favourite", { model: label(here) })}
                </button>
            )}
        </Dialog>
    );
}
