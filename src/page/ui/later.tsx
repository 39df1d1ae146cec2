// SPDX-License-Identifier: Apache-2.0
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

/** A part of the page whose file is fetched when it is first wanted. */
export function later<P extends object>(load: () => Promise<{ default: ComponentType<P> }>): ComponentType<P> {
    let there: ComponentType<P> | undefined;
    return function Later(props: P) {
        const [, arrive] = useState(0);
        useEffect(() => {
            if (!there) void load().then((m) => ((there = m.default), arrive(1)));
        }, []);
        const Part = there;
        return Part ? <Part {...props} /> : null;
    };
}
