// SPDX-License-Identifier: Apache-2.0

const PATHS = {
    sidebar: "M3 4.5h14v11H3zM8 4.5v11",
    plus: "M10 4v12M4 10h12",
    find: "M9 15A6 6 0 1 0 9 3a6 6 0 0 0 0 12zM13.5 13.5 17 17",
    share: "M10 12V3M6.5 6 10 2.5 13.5 6M4 10v6.5h12V10",
    more: "M5 10h.01M10 10h.01M15 10h.01",
    edit: "M4 16l.8-3.5L13.5 3.8l2.7 2.7-8.7 8.7z",
    copy: "M7.5 7.5h8.5v8.5H7.5zM4 12.5V4h8.5",
    again: "M4 10a6 6 0 1 1 1.8 4.3M4 15v-3h3",
    up: "M10 16V4M5 9l5-5 5 5",
    stop: "M6 6h8v8H6z",
    down: "M5 8l5 5 5-5",
    left: "M12 5l-5 5 5 5",
    right: "M8 5l5 5-5 5",
    close: "M5 5l10 10M15 5 5 15",
    gear: "M10 7a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM10 2.5v2M10 15.5v2M2.5 10h2M15.5 10h2M4.7 4.7l1.4 1.4M13.9 13.9l1.4 1.4M15.3 4.7l-1.4 1.4M6.1 13.9l-1.4 1.4",
    lock: "M5 9h10v7H5zM7 9V6.5a3 3 0 0 1 6 0V9",
    clip: "M14.5 9.5 9 15a3.5 3.5 0 0 1-5-5l6.5-6.5a2.3 2.3 0 0 1 3.3 3.3L7.5 13a1.1 1.1 0 0 1-1.6-1.6l5.2-5.2",
    check: "M4 10.5l4 4 8-9",
    ghost: "M4.5 16.5V9a5.5 5.5 0 0 1 11 0v7.5l-2-1.5-1.7 1.5-1.8-1.5-1.8 1.5-1.7-1.5zM8 9h.01M12 9h.01",
    positive: "M6.5 9v7M6.5 9l3-6c1.5 0 2 1 1.7 2.2L10.5 8H15a1.5 1.5 0 0 1 1.5 1.8l-1 5A1.5 1.5 0 0 1 14 16H3.5V9z",
    negative: "M6.5 11V4M6.5 11l3 6c1.5 0 2-1 1.7-2.2L10.5 12H15a1.5 1.5 0 0 0 1.5-1.8l-1-5A1.5 1.5 0 0 0 14 4H3.5v7z",
    shield: "M10 2.5l6 2.5v5c0 4-3 6.5-6 7.5-3-1-6-3.5-6-7.5V5z",
    sliders: "M3 6h8M15 6h2M3 14h2M9 14h8M13 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM7 16a2 2 0 1 0 0-4 2 2 0 0 0 0 4z",
    star: "M10 3l2.1 4.4 4.9.7-3.5 3.4.8 4.8-4.3-2.3-4.3 2.3.8-4.8L3 8.1l4.9-.7z",
};

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
    return (
        <svg class={`icon icon-${name}`} viewBox="0 0 20 20" aria-hidden="true">
            <path d={PATHS[name]} />
        </svg>
    );
}
