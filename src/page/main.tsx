// SPDX-License-Identifier: Apache-2.0
import { render } from "preact";
import { has, known, loadMe, loadModels, me, models, settings, showCachedModels, signedOut, whoNow } from "./app";
import { lookAgain, resolvePending, restWhileHidden } from "./ask";
import { catchUp, drop, loadConversations, mark, put, showCached } from "./conversations";
import { speak } from "./i18n";
import { forgetSent, hearDrafts, read } from "./keep";
import { go, route } from "./route";
import { app, takeOver } from "./shell";
import { hearTabs } from "./tabs";
import { conversationId, notice, showKept } from "./thread";
import "./style/page.css";
import { showDraft } from "./ui/composer";
import { App } from "./ui/page";

// What other tabs of this browser change is changed here.
hearTabs((news) => {
    switch (news.what) {
        case "conversation":
            put(news.conversation);
            // An answer that another tab has asked for is read along.
            if (news.conversation.stream && news.conversation.id === conversationId.value && !document.hidden) void lookAgain();
            return;
        case "gone":
            drop(news.id);
            if (news.id === conversationId.value) go(null, true);
            return;
        case "messages":
            if (news.id === conversationId.value) void lookAgain();
            else mark(news.id, true);
            return;
        case "sent":
            forgetSent(news.draft, news.text);
            showDraft(news.draft);
            return;
        case "settings":
            settings.value = news.settings;
            return;
        case "user":
            void whoNow();
    }
});

hearDrafts(showDraft);

// Nothing is asked for while nobody looks; who comes back sees how it is.
addEventListener("visibilitychange", () => {
    if (document.hidden) return restWhileHidden();
    void (signedOut.value ? whoNow() : catchUp(has("changes")).then(lookAgain));
});
addEventListener("online", () => {
    if (notice.value?.error.code === "offline") notice.value = null;
    void catchUp(has("changes")).then(lookAgain);
});

// Where the keyboard lies over the page instead of making it smaller, the page ends above it.
visualViewport?.addEventListener("resize", () => {
    const { height, scale } = visualViewport!;
    if (scale === 1) document.documentElement.style.setProperty("--height", `${height}px`);
});

async function begin(): Promise<void> {
    void showCached();
    void showCachedModels();
    // A stranger's list is not asked for: it would be refused.
    const early = read("user", "") ? loadConversations() : undefined;
    await Promise.all([loadMe(), loadModels()]);
    known.value = true;
    if (!me.value || has("conversations")) await (early ?? loadConversations());
    if (has("changes")) void catchUp(true);
    if (!me.value?.id && route.value.id === null) void showKept("guest");
    const asked = await resolvePending();
    if (asked && route.value.what === "chat" && route.value.id === null) go(asked, true);
    if (!models.value.length) void loadModels();
}

// The frame that stands there becomes the page, and no word of another language is seen in it.
void speak(settings.value.language).then(() => {
    takeOver();
    render(<App />, app);
});
void begin();
