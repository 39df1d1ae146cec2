// SPDX-License-Identifier: Apache-2.0
//
// The platform's own dialog and popover: focus goes in, stays, and returns.
import type { ButtonHTMLAttributes, ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { Icon, type IconName } from "./icons";

/** The event comes in a task of its own: a key that is pressed before it would find the dialog still open. */
function shut(dialog: HTMLDialogElement | null): void {
    dialog?.close();
    dialog?.dispatchEvent(new Event("close"));
}

/** Closes the dialog that is open, as its own button does. */
export const closeDialog = (): void => shut(document.querySelector<HTMLDialogElement>("dialog[open]"));

interface DialogProps {
    title: string;
    class?: string;
    onClose: () => void;
    children: ComponentChildren;
}

export function Dialog({ title, onClose, children, ...rest }: DialogProps) {
    const ref = useRef<HTMLDialogElement>(null);
    useEffect(() => {
        const had = document.activeElement as HTMLElement | null;
        ref.current!.showModal();
        ref.current!.querySelector<HTMLElement>("input[type=search]:not([data-later]), [data-first]")?.focus();
        return () => {
            if (had?.isConnected && had !== document.body) had.focus();
            else document.getElementById("composer")?.focus();
        };
    }, []);
    return (
        <dialog
            ref={ref}
            class={rest.class ?? ""}
            aria-labelledby="dialog-title"
            onClose={onClose}
            onKeyDown={(e) => {
                // A field that finds would be emptied first.
                if (e.key !== "Escape" || e.isComposing) return;
                e.preventDefault();
                shut(ref.current);
            }}
            onClick={(e) => e.target === ref.current && shut(ref.current)}
        >
            <div class="sheet">
                <header>
                    <h2 id="dialog-title">{title}</h2>
                    <IconButton icon="close" label={t("close")} onClick={() => shut(ref.current)} />
                </header>
                {children}
            </div>
        </dialog>
    );
}

type ButtonProps = Omit<ButtonHTMLAttributes<HTMLButtonElement>, "icon" | "label"> & { icon: IconName; label: string };

export function IconButton({ icon, label, ...rest }: ButtonProps) {
    return (
        <button type="button" {...rest} class={`icon-button ${(rest.class as string) ?? ""}`} aria-label={label} title={label}>
            <Icon name={icon} />
        </button>
    );
}

export interface MenuItem {
    label: string;
    act: () => void;
    danger?: boolean;
}

let menus = 0;

interface MenuProps {
    label: string;
    items: MenuItem[];
    icon?: IconName;
    disabled?: boolean;
    /** What its button shows in place of an icon. */
    children?: ComponentChildren;
}

/** A button with a menu of what can be done; arrows move, Escape closes. Its items are made when it opens. */
export function Menu({ label, items, icon = "more", disabled = false, children }: MenuProps) {
    const id = useRef(`menu-${++menus}`);
    const list = useRef<HTMLDivElement>(null);
    const button = useRef<HTMLButtonElement>(null);
    // How often it was opened: closed and opened at once is one event.
    const [open, show] = useState(0);
    useLayoutEffect(() => {
        if (!open) return;
        const box = button.current!.getBoundingClientRect();
        const el = list.current!;
        // Beside its button, but never out of the window.
        el.style.setProperty("--x", `${Math.max(8, Math.min(box.left, innerWidth - el.offsetWidth - 8))}px`);
        el.style.setProperty("--y", `${box.bottom + el.offsetHeight + 8 > innerHeight ? Math.max(8, box.top - el.offsetHeight - 4) : box.bottom + 4}px`);
        (el.firstElementChild as HTMLElement | null)?.focus();
    }, [open]);
    const onKey = (e: KeyboardEvent) => {
        const kids = [...list.current!.children] as HTMLElement[];
        const at = kids.indexOf(document.activeElement as HTMLElement);
        if (e.key === "Tab") list.current!.hidePopover();
        const to = { ArrowDown: at + 1, ArrowUp: at - 1 + kids.length, Home: 0, End: kids.length - 1 }[e.key];
        if (to === undefined) return;
        e.preventDefault();
        kids[to % kids.length]!.focus();
    };
    return (
        <>
            <button
                ref={button} type="button" class={children ? "plain" : "icon-button"} aria-label={children ? undefined : label} title={label} aria-haspopup="menu" aria-expanded={!!open} disabled={disabled}
                {...{ popovertarget: id.current }}
            >
                {children ?? <Icon name={icon} />}
            </button>
            <div ref={list} id={id.current} class="menu" role="menu" aria-label={label} popover="auto" onToggle={(e) => show((n) => ((e as unknown as ToggleEvent).newState === "open" ? n + 1 : 0))} onKeyDown={onKey}>
                {!!open && items.map((item) => (
                    <button
                        key={item.label}
                        type="button"
                        role="menuitem"
                        tabIndex={-1}
                        class={item.danger ? "danger" : ""}
                        onClick={() => {
                            list.current!.hidePopover();
                            item.act();
                        }}
                    >
                        {item.label}
                    </button>
                ))}
            </div>
        </>
    );
}
