// SPDX-License-Identifier: Apache-2.0
import { me, signIn, whoNow } from "../app";
import { t } from "../i18n";
import "../i18n/en-seldom";
import { Dialog } from "./dialog";

/** The session has ended: what is on the page stays, and one comes back to it. */
export default function SignIn({ onClose }: { onClose: () => void }) {
    return (
        <Dialog title={t("signedout")} class="small" onClose={onClose}>
            <p>{t("error.signin")}</p>
            <p class="row">
                {me.value?.signInUrl && <button type="button" class="primary" data-first onClick={signIn}>{t("signin")}</button>}
                <button type="button" onClick={() => void whoNow()}>{t("signin.again")}</button>
            </p>
        </Dialog>
    );
}
