// SPDX-License-Identifier: Apache-2.0
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n";

/** A part of the page whose file is fetched when it is first wanted. */
export function later<P extends object>(load: () => Promise<{ default: ComponentType<P> }>): ComponentType<P> {
    let there: ComponentType<P> | undefined;
    return function Later(props: P) {
        const [state, arrive] = useState(0);
        useEffect(() => {
            if (!there) load().then((m) => ((there = m.default), arrive(1)), () => arrive(2));
        }, []);
        const Part = there;
        if (Part) return <Part {...props} />;
        // A newer page may have been installed since this one was loaded.
        if (state === 2) return <p class="notice danger" role="alert">{t("load.failed")} <button type="button" onClick={() => location.reload()}>{t("reload")}</button></p>;
        return null;
    };
}
