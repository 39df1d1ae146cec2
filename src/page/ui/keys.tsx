// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "preact/hooks";
import { ApiError, said } from "../api";
import { providers } from "../app";
import { dateTime, t } from "../i18n";
import { more, type Key } from "../more";

function KeyRow({ provider, there, onChange }: { provider: string; there: Key | undefined; onChange: () => void }) {
    const [text, write] = useState("");
    const [says, say] = useState("");
    const [busy, work] = useState(false);
    /** The provider could not be asked whether it takes the key. */
    const [unchecked, leave] = useState(false);
    const act = async (what: () => Promise<unknown>) => {
        work(true);
        say("");
        leave(false);
        try {
            const result = (await what()) as { status?: string; detail?: string } | undefined;
            say(result?.detail ?? (result?.status === "ok" || result?.status === "invalid" ? t(`key.${result.status}`) : t("saved")));
            write("");
            onChange();
        } catch (e) {
            const away = e instanceof ApiError && e.status >= 502;
            say(away ? t("key.away") : said(e));
            leave(away);
        }
        work(false);
    };
    return (
        <form
            class="key"
            onSubmit={(e) => {
                e.preventDefault();
                void act(() => more.putKey(provider, { key: text.trim() }));
            }}
        >
            <label class="field">
                <span>
                    {t("key.of", { provider: providers.value[provider] ?? provider })}
                    {there && <small> {there.last4 && t("key.ends", { last4: there.last4 })} · {t(`key.${there.status}`)}{there.lastUsedAt && ` · ${t("key.used", { when: dateTime(there.lastUsedAt) })}`}</small>}
                </span>
                <input type="password" autocomplete="off" spellcheck={false} value={text} onInput={(e) => write(e.currentTarget.value)} />
            </label>
            <span class="row">
                <button type="submit" disabled={busy || !text.trim()}>{t("key.save")}</button>
                {there && <button type="button" disabled={busy} onClick={() => void act(() => more.checkKey(provider))}>{t("key.check")}</button>}
                {there && <button type="button" class="danger" disabled={busy} onClick={() => void act(() => more.removeKey(provider))}>{t("key.remove")}</button>}
            </span>
            <p role="status">{says}</p>
            {unchecked && text.trim() && (
                <button type="button" disabled={busy} onClick={() => void act(() => more.putKey(provider, { key: text.trim(), check: false }))}>{t("key.anyway")}</button>
            )}
        </form>
    );
}

export function Keys() {
    const [keys, show] = useState<{ data: Key[]; providers: string[] } | null>(null);
    const [failed, fail] = useState("");
    const load = () => more.keys().then(show, (e: unknown) => fail(said(e)));
    useEffect(() => void load(), []);
    return (
        <>
            <p>{t("key.help")}</p>
            {failed && <p role="alert">{failed}</p>}
            {keys?.providers.map((p) => <KeyRow key={p} provider={p} there={keys.data.find((k) => k.provider === p)} onChange={() => void load()} />)}
        </>
    );
}
