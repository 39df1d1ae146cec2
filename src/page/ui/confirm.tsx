// SPDX-License-Identifier: Apache-2.0
import { t } from "../i18n";
import "../i18n/en-seldom";
import { closeDialog, Dialog } from "./dialog";

/** Asked before what cannot be undone. */
export default function Confirm({ what, act, onClose }: { what: string; act: () => void; onClose: () => void }) {
    return (
        <Dialog title={t("sure")} class="small" onClose={onClose}>
            <p>{what}</p>
            <p class="row">
                <button type="button" class="danger" data-first onClick={() => (closeDialog(), act())}>{t("delete")}</button>
                <button type="button" onClick={closeDialog}>{t("cancel")}</button>
            </p>
        </Dialog>
    );
}
