// SPDX-License-Identifier: Apache-2.0
import { t } from "../i18n";
import "../i18n/en-seldom";
import { Dialog } from "./dialog";

const KEYS = [
    ["Ctrl K", "keys.find"],
    ["Ctrl Shift O", "keys.new"],
    ["Ctrl M", "keys.model"],
    ["Ctrl B", "keys.sidebar"],
    ["Ctrl /", "keys.field"],
    ["Esc", "keys.stop"],
    ["↑", "keys.edit"],
    ["F2", "keys.rename"],
    ["End", "keys.end"],
    ["?", "keys.help"],
] as const;

export default function Keyboard({ onClose }: { onClose: () => void }) {
    return (
        <Dialog title={t("keys.title")} class="keyboard" onClose={onClose}>
            <dl>
                {KEYS.map(([key, what]) => (
                    <div key={key}>
                        <dt><kbd>{key}</kbd></dt>
                        <dd>{t(what)}</dd>
                    </div>
                ))}
            </dl>
        </Dialog>
    );
}
