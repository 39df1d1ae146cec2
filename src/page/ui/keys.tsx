// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "preact/hooks";
import { api, ApiError, type Key } from "../api";
import { t } from "../i18n";

const said = (e: unknown) => (e instanceof ApiError ? e.message : String(e));

function KeyRow({ provider, there, onChange }: { provider: string; there: Key | undefined; onChange: () => void }) {
    const [text, write] = useState("");
    const [says, say] = useState("");
    const [busy, work] = useState(false);
    const act = async (what: () => Promise<unknown>) => {
        work(true);
        say("");
        try {
            const result = (await what()) as { detail?: string } | undefined;
            if (result?.detail) say(result.detail);
            write("");
            onChange();
        } catch (e) {
            say(said(e));
        }
        work(false);
    };
    return (
        <form
            class="key"
            onSubmit={(e) => {
                e.preventDefault();
                void act(() => api.putKey(provider, text.trim()));
            }}
        >
            <label class="field">
                <span>
                    {t("key.of", { provider })}
                    {there && <small> {there.last4 && t("key.ends", { last4: there.last4 })} · {t(`key.${there.status}`)}</small>}
                </span>
                <input type="password" autocomplete="off" spellcheck={false} value={text} onInput={(e) => write(e.currentTarget.value)} />
            </label>
            <span class="row">
                <button type="submit" disabled={busy || !text.trim()}>{t("key.save")}</button>
                {there && <button type="button" disabled={busy} onClick={() => void act(() => api.checkKey(provider))}>{t("key.check")}</button>}
                {there && <button type="button" class="danger" disabled={busy} onClick={() => void act(() => api.removeKey(provider))}>{t("key.remove")}</button>}
            </span>
            <p role="status">{says}</p>
        </form>
    );
}

export function Keys() {
    const [keys, show] = useState<{ data: Key[]; providers: string[] } | null>(null);
    const [failed, fail] = useState("");
    const load = () => api.keys().then(show, (e: unknown) => fail(said(e)));
    useEffect(() => void load(), []);
    return (
        <>
            <p>{t("key.help")}</p>
            {failed && <p role="alert">{failed}</p>}
            {keys?.providers.map((p) => <KeyRow key={p} provider={p} there={keys.data.find((k) => k.provider === p)} onChange={() => void load()} />)}
        </>
    );
}
