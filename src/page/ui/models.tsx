// SPDX-License-Identifier: Apache-2.0
//
// The choice of a model: a field that finds, and a list by provider.
import { useState } from "preact/hooks";
import type { Model } from "../api";
import { choose, model, models, settings } from "../app";
import { type Key, language, t } from "../i18n";
import { Dialog } from "./dialog";
import { Icon } from "./icons";

const BADGES = new Set(["reasoning", "images", "tools", "json"]);
const size = (tokens: number) => (tokens >= 1e6 ? `${Math.round(tokens / 1e5) / 10}M` : `${Math.round(tokens / 1000)}K`);
const usd = (n: number) => n.toLocaleString(language.value, { style: "currency", currency: "USD" });
const label = (m: Model) => m.label ?? m.id;
const provider = (m: Model) => m.provider ?? "";

function Price({ of: price }: { of: Model["price"] }) {
    if (price?.inputPerMillion == null || price.outputPerMillion == null) return null;
    const [input, output] = [usd(price.inputPerMillion), usd(price.outputPerMillion)];
    return (
        <span class="price" title={t("model.price", { input, output })}>
            {input} / {output}
        </span>
    );
}

function Option({ m, at, chosen, onPick }: { m: Model; at: boolean; chosen: boolean; onPick: () => void }) {
    const locked = m.available === false;
    return (
        <div id={`model-${m.id}`} role="option" class={at ? "option at" : "option"} aria-selected={chosen} aria-disabled={locked} onClick={() => !locked && onPick()}>
            <span class="name">
                {locked && <Icon name="lock" />}
                {label(m)}
                {m.default && <small> {t("model.default")}</small>}
            </span>
            <Price of={m.price} />
            <span class="badges">
                {m.contextTokens && <small>{size(m.contextTokens)}</small>}
                {m.capabilities?.filter((c) => BADGES.has(c)).map((c) => <small key={c}>{t(`cap.${c}` as Key)}</small>)}
            </span>
            {locked && <span class="reason">{m.reason?.message ?? t("model.locked")}</span>}
        </div>
    );
}

export function ModelPicker({ onClose }: { onClose: () => void }) {
    const [words, find] = useState("");
    const favourites = new Set(settings.value.favourites);
    const found = models.value
        .filter((m) => words.toLowerCase().split(/\s+/).every((w) => `${label(m)} ${m.id} ${provider(m)}`.toLowerCase().includes(w)))
        .toSorted((a, b) => Number(favourites.has(b.id)) - Number(favourites.has(a.id)));
    const [at, move] = useState(Math.max(0, found.findIndex((m) => m.id === model.value?.id)));
    const here = found[Math.min(at, found.length - 1)];
    const pick = (m: Model) => {
        choose(m);
        document.querySelector<HTMLDialogElement>("dialog[open]")?.close();
    };
    const onKeyDown = (e: KeyboardEvent) => {
        const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: found.length - 1 }[e.key];
        if (to !== undefined) {
            e.preventDefault();
            const next = Math.max(0, Math.min(to, found.length - 1));
            move(next);
            document.getElementById(`model-${found[next]?.id}`)?.scrollIntoView({ block: "nearest" });
        } else if (e.key === "Enter" && !e.isComposing && here && here.available !== false) {
            e.preventDefault();
            pick(here);
        }
    };
    const groups = [...new Set(found.map(provider))];
    return (
        <Dialog title={t("model")} class="picker" onClose={onClose}>
            <input
                type="search"
                list={undefined}
                role="combobox"
                aria-expanded="true"
                aria-controls="model-list"
                aria-activedescendant={here ? `model-${here.id}` : undefined}
                aria-label={t("model.find")}
                placeholder={t("model.find")}
                value={words}
                onInput={(e) => (find(e.currentTarget.value), move(0))}
                onKeyDown={onKeyDown}
            />
            <div id="model-list" role="listbox" aria-label={t("model")} tabIndex={-1}>
                {groups.map((g) => (
                    <div key={g} role="group" aria-label={g}>
                        <h3 aria-hidden="true">{g}</h3>
                        {found.filter((m) => provider(m) === g).map((m) => (
                            <Option key={m.id} m={m} at={m === here} chosen={m.id === model.value?.id} onPick={() => pick(m)} />
                        ))}
                    </div>
                ))}
            </div>
            {!found.length && <p>{t("model.none")}</p>}
        </Dialog>
    );
}

