// SPDX-License-Identifier: Apache-2.0
//
// Nothing is lost: at each step of asking, the page is reloaded, its tab killed,
// the network gone, the session over, the server away, another tab or device there.
// What one sees is what the database has, before and after a reload.
import { answers, api, ask, askFor, button, composer, conversationOf, is, kept, lastAnswer, note, ok, open, rows, run, settled, shown, signIn, until, visit } from "./lib.mjs";

/** What is seen is what is kept, and is so again after a reload. */
async function agrees(page, id, name) {
    const seen = async (what) => {
        const list = (await kept(id)).map(([role, , text]) => [role, text.trim()]);
        await until(`${name}: what is seen${what} to be what is kept, which is ${JSON.stringify(list)}, not ${JSON.stringify(await shown(page))}`,
            async () => JSON.stringify(await shown(page)) === JSON.stringify(list));
        return list;
    };
    await seen("");
    await page.reload();
    is(await shown(page).then(() => seen(" after a reload")), await seen(""), `${name}: what is seen is what is kept, also after a reload`);
}

/** A conversation with one question that is answered so far. */
async function answering(up, user, question, said = "The first part") {
    const page = await visit(user);
    const called = up.expect(question);
    await askFor(page, question);
    const answer = await called;
    await answer.say(said);
    await page.getByText(said).waitFor();
    return { page, answer, id: await conversationOf(page) };
}

async function drafts(up) {
    const page = await visit("eve");
    await composer(page).fill("a thought that is not sent");
    await page.reload();
    is(await composer(page).inputValue(), "a thought that is not sent", "a draft is there after a reload");
    const tab = await open(page.context());
    is(await composer(tab).inputValue(), "a thought that is not sent", "... and in another tab");
    await tab.close();
    await composer(page).fill("");
    await askFor(page, "drafts are kept apart");
    await page.getByText("You said: drafts").waitFor();
    await settled(page);
    const id = await conversationOf(page);
    await composer(page).fill("a draft of this one");
    await button(page, "New chat").click();
    await until("an empty field", async () => (await composer(page).inputValue()) === "");
    await page.goBack();
    await until("its draft", async () => (await composer(page).inputValue()) === "a draft of this one");
    await page.close({ runBeforeUnload: false });
    const next = await open(page.context(), `#/c/${id}`);
    is(await composer(next).inputValue(), "a draft of this one", "each conversation has its own, also when its tab was killed");
    await composer(next).fill("");
}

async function sending(up) {
    // The provider has been asked, and says nothing yet.
    const page = await visit("eve");
    const called = up.expect("question in the air");
    await askFor(page, "A question in the air");
    const answer = await called;
    await page.reload();
    const id = (await rows("SELECT conversation_id FROM chat_message WHERE text = 'A question in the air'"))[0];
    ok(id, "the question is kept before the provider says a word");
    const draft = await composer(page).inputValue();
    const there = await page.getByText("A question in the air").count();
    ok(draft === "A question in the air" || there, "after a reload the question is there, sent or not", { draft, there });
    await answer.end("An answer from the air");
    await until("the answer to be kept", async () => (await kept(id))[1]?.[1] === "complete");
    await composer(page).fill("");
    await page.evaluate((id) => (location.hash = `#/c/${id}`), id);
    await agrees(page, id, "reloaded before the first word");
}

async function reloaded(up) {
    const { page, answer, id } = await answering(up, "eve", "reload me");
    await page.reload();
    await page.getByText("The first part").waitFor();
    await answer.say(", the second part");
    await page.getByText("The first part, the second part").waitFor();
    ok(true, "an answer goes on after a reload");
    await answer.end(", and the end.");
    await settled(page);
    await agrees(page, id, "reloaded in mid-answer");
}

async function killed(up) {
    const { page, answer, id } = await answering(up, "eve", "kill my tab");
    const context = page.context();
    await page.close({ runBeforeUnload: false });
    await answer.say(", said to nobody");
    const tab = await open(context, `#/c/${id}`);
    await tab.getByText("The first part, said to nobody").waitFor();
    await answer.end(", and the end.");
    await settled(tab);
    await agrees(tab, id, "its tab killed in mid-answer");
}

async function offline(up) {
    const { page, answer, id } = await answering(up, "eve", "cut my line");
    await page.context().setOffline(true);
    await answer.say(", said into the void");
    await page.getByText("offline", { exact: false }).first().waitFor();
    await composer(page).fill("typed without a line");
    await page.context().setOffline(false);
    await page.getByText("The first part, said into the void").waitFor();
    await answer.end(", and the end.");
    await settled(page);
    is(await composer(page).inputValue(), "typed without a line", "what is typed meanwhile stays");
    await composer(page).fill("");
    await agrees(page, id, "offline in mid-answer");

    await page.context().setOffline(true);
    await askFor(page, "asked without a line").catch(() => undefined);
    await until("the question to be there still", async () =>
        (await composer(page).inputValue()) === "asked without a line" || (await page.getByText("asked without a line").count()));
    await page.context().setOffline(false);
    // It is sent by itself, or by hand.
    await until("the question to be kept", async () => {
        if ((await kept(id)).some(([, , text]) => text === "asked without a line")) return true;
        const send = button(page, "Send");
        if ((await composer(page).inputValue()) === "asked without a line" && (await send.count()) && (await send.isEnabled())) await send.click();
        return false;
    });
    await page.getByText("You said: asked without a line").waitFor();
    await settled(page);
    is((await kept(id)).filter(([, , text]) => text === "asked without a line").length, 1, "... and is asked once");
    await agrees(page, id, "asked while offline");
}

/** Files that are not sent yet, each with its own draft. */
async function files(up) {
    const page = await visit("eve");
    await askFor(page, "before the files");
    await page.getByText("You said: before the files").waitFor();
    await settled(page);
    const list = page.getByRole("list", { name: "Files of this message" });
    const input = page.locator('input[type="file"]');
    const text = (name) => ({ name, mimeType: "text/plain", buffer: Buffer.from(`what is in ${name}`) });
    const held = [];
    await page.route("**/api/v1/uploads/**", async (r) => {
        if (r.request().method() === "PUT") await new Promise((go) => held.push(go));
        await r.continue().catch(() => undefined);
    });
    await input.setInputFiles(text("one.txt"));
    await until("the file to be on its way", () => held.length === 1);
    await composer(page).fill("look at these");
    await button(page, "New chat").click();
    await until("a draft of its own", async () => (await composer(page).inputValue()) === "");
    is(await list.count(), 0, "another conversation has no file of this one");
    held[0]();
    await until("the file to have arrived", () => page.evaluate(() => Object.keys(localStorage).some((k) => k.startsWith("chat.draft.") && localStorage.getItem(k).includes('"name":"one.txt","mediaType"'))));
    await page.goBack();
    await list.getByText("one.txt").waitFor();
    is(await list.locator("progress").count(), 0, "a file arrives while one looks at another conversation");
    await input.setInputFiles(text("two.txt"));
    await until("the second one to be on its way", () => held.length === 2);
    await page.reload();
    await list.getByText("one.txt").waitFor();
    is(await list.locator("li").allInnerTexts().then((all) => all.map((s) => s.replace(/\s+/g, " ").trim())), ["one.txt 18 B", "two.txt It did not arrive: attach it again"],
        "after a reload what has arrived is there, and what has not says so");
    is(await composer(page).inputValue(), "look at these", "... as are the words");
    await page.unrouteAll({ behavior: "ignoreErrors" });
    await button(page, "Remove two.txt").click();
    const called = up.expect("look at these");
    await button(page, "Send").click();
    const answer = await called;
    ok(JSON.stringify(answer.body.messages.at(-1).content).includes("what is in one.txt"), "... and goes to the provider", answer.body.messages.at(-1));
    await answer.end("Seen.");
    await settled(page);
    is(await list.count(), 0, "a file that was sent is in the field no more");

    // Without a line, also where what sends files was never fetched.
    const other = await open(page.context());
    await other.context().setOffline(true);
    await other.locator('input[type="file"]').setInputFiles(text("three.txt"));
    await other.getByRole("list", { name: "Files of this message" }).getByText("No connection: attach it again").waitFor();
    await other.context().setOffline(false);
    await other.getByRole("button", { name: "Remove three.txt" }).click();
    await other.close();

    // A question that is asked anew has its files.
    await page.locator("article.user").last().getByRole("button", { name: "Edit" }).click();
    await list.getByText("one.txt").waitFor();
    const anew = up.expect("look once more");
    await composer(page).fill("look once more");
    await button(page, "Send").click();
    const second = await anew;
    ok(JSON.stringify(second.body.messages.at(-1).content).includes("what is in one.txt"), "a question that is changed keeps its file", second.body.messages.at(-1));
    await second.end("Seen again.");
    await page.getByText("Seen again.").waitFor();
    await settled(page);
    await page.locator("article.user").last().getByRole("button", { name: "Edit" }).click();
    await button(page, "Remove one.txt").click();
    await button(page, "Cancel").click();
    await page.reload();
    const file = page.locator("article.user a.file").last();
    await file.waitFor();
    is(await page.evaluate((url) => fetch(url).then((r) => r.status), await file.getAttribute("href")), 200, "... which stays where it is when it is taken out of the next one");
}

async function tabs(up) {
    const { page, answer, id } = await answering(up, "eve", "two tabs");
    const other = await open(page.context(), `#/c/${id}`);
    await other.getByText("The first part").waitFor();
    await answer.say(", for both");
    await Promise.all([page, other].map((p) => p.getByText("The first part, for both").waitFor()));
    ok(true, "two tabs show the same answer as it comes");
    const hide = (hidden) => other.evaluate((hidden) => {
        Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
        document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
    }, hidden);
    await hide(true);
    await settled(other);
    await answer.say(", and on");
    await page.getByText("for both, and on").waitFor();
    is(await other.getByText("for both, and on").count(), 0, "... but for one that nobody looks at, which holds no connection");
    await hide(false);
    await other.getByText("for both, and on").waitFor();
    ok(true, "... and which reads along again when it is looked at");
    await other.getByRole("button", { name: "Stop", exact: true }).click();
    await answer.gone;
    await Promise.all([settled(page), settled(other)]);
    is((await kept(id))[1], ["assistant", "cancelled", "The first part, for both, and on"], "... which the other one stops");
    await agrees(page, id, "stopped by another tab");
    await agrees(other, id, "... in that tab");
}

/** What is written in one tab is seen in the others, but takes nothing away that was written there. */
async function draftsInTabs(up) {
    const one = await visit("bob");
    const two = await open(one.context());
    const both = () => Promise.all([one, two].map((tab) => composer(tab).inputValue()));
    const shows = (name, ...texts) => until(`${name}: ${JSON.stringify(texts)}`, async () => JSON.stringify(await both()) === JSON.stringify(texts));
    // As a user does, letter by letter.
    const write = async (tab, text) => {
        await tab.bringToFront();
        await composer(tab).focus();
        await tab.keyboard.press("End");
        await tab.keyboard.type(text);
    };
    await write(one, "begun here");
    await shows("a tab in which nobody writes follows", "begun here", "begun here");
    await write(two, ", ended there");
    await shows("... and the first one that one, which goes on from it", "begun here, ended there", "begun here, ended there");
    await composer(two).fill("something else");
    await shows("what was written in one tab is not taken away by another", "begun here, ended there", "something else");
    await Promise.all([one, two].map((tab) => tab.reload()));
    is(await both(), ["begun here, ended there", "something else"], "each of two tabs keeps what was written in it, also over a reload");
    const three = await open(one.context());
    is(await composer(three).inputValue(), "something else", "... and a new one begins with what was written last");

    // While it is sent, and when it was.
    await composer(two).fill("");
    await write(one, ".");
    await shows("an empty one follows again", "begun here, ended there.", "begun here, ended there.");
    const called = up.expect("ended there");
    await button(one, "Send").click();
    const answer = await called;
    await write(two, " And a word more");
    await answer.end("Heard in one tab");
    await one.getByText("Heard in one tab").waitFor();
    await settled(one);
    is(await both(), ["", "begun here, ended there. And a word more"], "what is written to a draft while another tab sends it stays");
    const again = await open(one.context());
    await write(again, "the same in both");
    await until("a third tab to follow", async () => (await composer(three).inputValue()) === "the same in both");
    await write(three, "!");
    await until("the other one to follow that", async () => (await composer(again).inputValue()) === "the same in both!");
    await button(again, "Send").click();
    await again.getByText("You said: the same in both!").waitFor();
    await until("what was sent to be no draft in the tab where it was written", async () => (await composer(three).inputValue()) === "");
    ok(true, "what one tab has sent is a draft in none");
    is(await composer(two).inputValue(), "begun here, ended there. And a word more", "... and what another one has stays");
}

/** What was asked offline is shown by two tabs, and goes once. */
async function queuedInTabs() {
    const page = await visit("bob");
    const other = await open(page.context());
    await page.context().setOffline(true);
    await askFor(page, "asked offline, once");
    for (const tab of [page, other]) await tab.getByText("This goes as soon as you are back").waitFor();
    await page.context().setOffline(false);
    for (const tab of [page, other]) await until("an empty field", async () => (await composer(tab).inputValue()) === "");
    await until("its answer", async () => (await rows("SELECT status FROM chat_message WHERE text = 'You said: asked offline, once'")).includes("complete"));
    is(await rows("SELECT count(*) FROM chat_message WHERE text = 'asked offline, once'"), ["1"], "what was asked offline and two tabs show is asked once");
}

/** What was sent and refused comes back, with what was written meanwhile. */
async function refusedMeanwhile() {
    const page = await visit("bob");
    let refuse;
    const refused = new Promise((resolve) => (refuse = resolve));
    await page.route("**/api/v1/chat/stream", async (route) => {
        await refused;
        await route.fulfill({ status: 400, contentType: "application/json", body: '{"code":"content_blocked","message":"no"}' });
    });
    await askFor(page, "This is refused");
    await page.locator("article.user").waitFor();
    await composer(page).fill("and this was written meanwhile");
    refuse();
    const both = async (tab) => (await composer(tab).inputValue()) === "This is refused\n\nand this was written meanwhile";
    await until("both in the field", () => both(page));
    await page.reload();
    await until("both in the field after a reload", () => both(page));
    ok(true, "what was refused comes back before what was written meanwhile");
    await composer(page).fill("");
}

async function busy(up) {
    const { page, answer, id } = await answering(up, "eve", "busy elsewhere");
    const res = await api("eve", "POST", "chat/stream", { conversationId: id, messages: [{ role: "user", content: "from elsewhere" }] });
    is(Number(res.status), 409, "while it is answered nobody else asks there");
    await answer.end(", and the end.");
    await settled(page);
    await agrees(page, id, "asked by two");
}

async function limited(up) {
    const page = await visit("bob");
    await askFor(page, "number 0 of four");
    await page.getByText("You said: number 0").waitFor();
    await settled(page);
    const id = await conversationOf(page);
    // Others are asked on another device, until none is left.
    let asked = 1;
    for (; asked < 9 && Number((await api("bob", "POST", "chat/stream", { conversationId: id, stream: false, messages: [{ role: "user", content: `number ${asked} of four` }] })).status) === 200; asked++);
    await lookAgain(page);
    await page.getByText(`You said: number ${asked - 1}`).waitFor();
    const draft = `number ${asked} of four`;
    await askFor(page, draft);
    await page.getByRole("alert").waitFor();
    is(await composer(page).inputValue(), draft, "beyond a limit the draft stays");
    is((await kept(id)).length, 2 * asked, "... and nothing is kept");
    ok(await page.locator("button.send").isDisabled(), "... nothing can be sent");
    ok(/\d:\d\d/.test(await page.locator(".composer-area").innerText()), "... and one sees for how long");
    is(await shown(page).then((s) => s.length), 2 * asked, "... nor is anything shown that was not asked");
    await agrees(page, id, "beyond a limit");
    is(await composer(page).inputValue(), draft, "... and the draft outlives a reload");
}

async function broken(up) {
    const { page, answer, id } = await answering(up, "eve", "break off");
    answer.cut();
    await settled(page);
    is((await kept(id))[1].slice(1), ["partial", "The first part"], "what came before a provider broke off is kept");
    await agrees(page, id, "broken off");

    const called = up.expect("refuse this");
    await askFor(page, "refuse this");
    (await called).fail(500);
    await button(page, "Try again").first().waitFor();
    await settled(page);
    const text = await composer(page).inputValue();
    const list = await kept(id);
    ok(text === "refuse this" || list.some(([, , t]) => t === "refuse this"), "a question that the provider fails is a draft or kept", { text, list });
    const called2 = up.expect("refuse this");
    if (text) await button(page, "Send").click();
    else await button(page, "Try again").first().click();
    await (await called2).end("Now it goes.");
    await page.getByText("Now it goes.").waitFor();
    await settled(page);
    is((await kept(id)).filter(([role, status]) => role === "assistant" && status === "complete").length, 1, "... and is answered when it is tried again");
    await page.reload();
    await page.getByText("Now it goes.").waitFor();
}

async function signedOut(up) {
    const page = await visit("eve");
    await askFor(page, "before the session ends");
    await page.getByText("You said: before").waitFor();
    await settled(page);
    const id = await conversationOf(page);
    await page.context().clearCookies();
    await askFor(page, "after the session ended");
    await until("word of it", async () => (await page.getByRole("alert").count()) || (await page.getByRole("dialog").count()));
    is(await composer(page).inputValue(), "after the session ended", "when the session is over the draft stays");
    ok(await page.getByRole("link", { name: "Sign in" }).or(button(page, "Sign in")).first().isVisible(), "... and one can sign in");
    is((await kept(id)).length, 2, "... nothing was asked of a stranger");
    await signIn(page.context(), "eve");
    await page.reload();
    await answers(page).waitFor();
    is(await composer(page).inputValue(), "after the session ended", "signed in again it is still there");
    await button(page, "Send").click();
    await page.getByText("You said: after the session ended").waitFor();
    await settled(page);
    await agrees(page, id, "signed in again");
}

async function restarted(up) {
    const { page, answer, id } = await answering(up, "eve", "restart the server");
    await ask("killed");
    await composer(page).fill("typed while the server was away");
    await ask("up");
    await until("the page to have done with it", async () => !(await page.locator('article.answer[aria-busy="true"]').count()), 60000);
    answer.cut();
    const [, [, status, text]] = await kept(id);
    note(`after a server that was killed: ${status} ${JSON.stringify(text)}`);
    is(await composer(page).inputValue(), "typed while the server was away", "what was typed while the server was away is there");
    ok(await lastAnswer(page).innerText().then((t) => t.includes("The first part")), "what had come of the answer is not taken away");
    await button(page, "Send").click();
    await page.getByText("You said: typed while").waitFor();
    await settled(page);
    is((await kept(id)).at(-1)[2], "You said: typed while the server was away", "... and one goes on");
}

/** What a page asks that is looked at again. */
const lookAgain = (page) => page.evaluate(() => document.dispatchEvent(new Event("visibilitychange", { bubbles: true })));

async function killedWhileSending(up) {
    const page = await visit("eve");
    const called = up.expect("from a tab that dies");
    await askFor(page, "Asked from a tab that dies");
    const answer = await called;
    const context = page.context();
    await page.close({ runBeforeUnload: false });
    const tab = await open(context);
    const id = (await rows("SELECT conversation_id FROM chat_message WHERE text = 'Asked from a tab that dies'"))[0];
    await answer.end("Answered to the next one.");
    await until("the answer to be kept", async () => (await kept(id))[1]?.[1] === "complete");
    await until("the question to be there, sent or not", async () =>
        (await composer(tab).inputValue()) === "Asked from a tab that dies" || (await tab.getByText("Asked from a tab that dies").count()));
    await tab.evaluate((id) => (location.hash = `#/c/${id}`), id);
    await agrees(tab, id, "its tab killed before the first word");
}

async function offlineWhileSending(up) {
    const page = await visit("eve");
    const called = up.expect("asked and then no line");
    await askFor(page, "It is asked and then no line");
    const answer = await called;
    await page.context().setOffline(true);
    await page.getByText("offline", { exact: false }).first().waitFor();
    await page.context().setOffline(false);
    await answer.end("Said as soon as it is back.");
    const id = (await rows("SELECT conversation_id FROM chat_message WHERE text = 'It is asked and then no line'"))[0];
    await until("the answer to be kept", async () => (await kept(id))[1]?.[1] === "complete");
    await until("the page to have done with it", async () => !(await page.locator('article.answer[aria-busy="true"]').count()));
    await page.evaluate((id) => (location.hash = `#/c/${id}`), id);
    await agrees(page, id, "offline before the first word");
    is((await kept(id)).length, 2, "... and it was asked once");
}

async function stoppedAndReloaded(up) {
    const { page, answer, id } = await answering(up, "eve", "stop and reload");
    await button(page, "Stop").click();
    await page.reload();
    // Where the reload was quicker than the word of it, one stops it there.
    await until("the answer to be stopped", async () => {
        if ((await kept(id))[1][1] === "cancelled") return true;
        const stop = button(page, "Stop");
        if (await stop.count()) await stop.click({ timeout: 1000 }).catch(() => undefined);
        return false;
    });
    await answer.gone;
    await settled(page);
    is((await kept(id))[1], ["assistant", "cancelled", "The first part"], "stopped and reloaded: what had come is kept");
    await agrees(page, id, "stopped and reloaded");
}

async function stoppedOffline(up) {
    const { page, answer, id } = await answering(up, "eve", "stop without a line");
    await page.context().setOffline(true);
    await button(page, "Stop").click();
    await page.context().setOffline(false);
    await answer.say(", and more").catch(() => undefined);
    await answer.end(", and the end.").catch(() => undefined);
    await until("it to be over", async () => (await kept(id))[1][1] !== "streaming");
    await settled(page);
    ok((await kept(id))[1][2].startsWith("The first part"), "stopped without a line: what had come is kept", await kept(id));
    await agrees(page, id, "stopped without a line");
}

async function signedOutInAnswer(up) {
    const { page, answer, id } = await answering(up, "eve", "my session ends");
    await page.context().clearCookies();
    await composer(page).fill("typed when the session was over");
    await answer.end(", and the end.");
    await settled(page);
    ok((await lastAnswer(page).innerText()).includes("The first part, and the end."), "the session ends in mid-answer: all of it is shown");
    await signIn(page.context(), "eve");
    await page.reload();
    await answers(page).waitFor();
    is(await composer(page).inputValue(), "typed when the session was over", "... and what was typed is there");
    await agrees(page, id, "the session ended in mid-answer");
    await composer(page).fill("");
}

async function otherDevice(up) {
    const { page, answer, id } = await answering(up, "eve", "on two devices");
    const { json } = await api("eve", "GET", `conversations/${id}`);
    await api("eve", "POST", `chat/stream/${json.stream.id}/stop`);
    await answer.gone;
    await settled(page);
    is((await kept(id))[1], ["assistant", "cancelled", "The first part"], "what another device stops is kept");
    await composer(page).fill("a draft on this device");
    const called = up.expect("asked on the other one");
    const asked = api("eve", "POST", "chat/stream", { conversationId: id, messages: [{ role: "user", content: "asked on the other one" }] });
    await (await called).end("Said to the other one.");
    await asked;
    await lookAgain(page);
    await page.getByText("Said to the other one.").waitFor();
    is(await composer(page).inputValue(), "a draft on this device", "... its questions are shown here, and the draft stays");
    await agrees(page, id, "asked on another device");
    await api("eve", "DELETE", `conversations/${id}`);
    await page.reload();
    await page.getByText("This conversation is not here.", { exact: false }).waitFor();
    const res = await api("eve", "POST", `conversations/${id}/restore`);
    ok(Number(res.status) < 300, "what another device deleted can be brought back", res);
    await page.reload();
    await page.getByText("Said to the other one.").waitFor();
    is(await composer(page).inputValue(), "a draft on this device", "... with its draft");
}

async function sentToNobody(up) {
    const page = await visit("eve");
    await askFor(page, "before nobody is there");
    await page.getByText("You said: before nobody").waitFor();
    await settled(page);
    const id = await conversationOf(page);
    await ask("down");
    await askFor(page, "sent to nobody");
    await page.getByRole("alert").waitFor();
    is(await composer(page).inputValue(), "sent to nobody", "what was sent while the server was away is a draft again");
    await ask("up");
    await page.reload();
    await answers(page).waitFor();
    is(await composer(page).inputValue(), "sent to nobody", "... also after a reload");
    await button(page, "Send").click();
    await page.getByText("You said: sent to nobody").waitFor();
    await settled(page);
    is((await kept(id)).filter(([, , text]) => text === "sent to nobody").length, 1, "... and is asked once");
    await agrees(page, id, "sent while the server was away");
}

run([{ drafts, sending, reloaded, killed, offline, files, tabs, draftsInTabs, queuedInTabs, refusedMeanwhile, busy, limited, broken, signedOut, killedWhileSending, offlineWhileSending, stoppedAndReloaded, stoppedOffline, signedOutInAnswer, otherDevice }, { sentToNobody }, { restarted }]);
