// SPDX-License-Identifier: Apache-2.0
//
// The page is opened, asked, answers, is stopped and is read again.
import fs from "node:fs";
import { answers, api, askFor, button, composer, conversationOf, is, kept, lastAnswer, ok, rows, run, settled, shown, signIn, until, visit } from "./lib.mjs";

async function opens() {
    const page = await visit("ann");
    ok(await composer(page).isVisible(), "there is a field to write in");
    ok(await composer(page).evaluate((el) => el === document.activeElement), "... which has the focus");
    await button(page, "Model: m").waitFor();
    const guest = await visit(null);
    ok(await composer(guest).isVisible(), "a guest has one, too");
}

/** Who was a guest here before has the list as soon as it is known who it is, whichever is known first. */
async function signsIn() {
    const { json } = await api("eve", "POST", "conversations", { title: "From another device" });
    ok(json.id, "there is a conversation", json);
    const page = await visit(null);
    await button(page, "Sign in").first().waitFor();
    await signIn(page.context(), "eve");
    const others = Promise.race([page.waitForResponse(/\/conversations\?/), page.waitForResponse(/\/models/).then(() => page.waitForTimeout(500))]);
    await page.route("**/api/v1/me", (route) => others.then(() => route.continue()));
    await page.reload();
    await page.getByRole("link", { name: "From another device" }).waitFor();
    ok(true, "the list of who has just signed in is there");
}

/** The page shows its site as ChatPage has it, and its policy lets it. */
async function branded() {
    const page = await visit("ann", { before: (context) => context.route("**/api/v1/me", async (route) => {
        const response = await route.fetch();
        const json = await response.json();
        await route.fulfill({ response, json: { ...json, brand: { ...json.brand, name: "Acme", accent: "#c2185b", logo: "/sign-in" } } });
    }) });
    const link = page.getByRole("link", { name: "Acme" });
    await link.waitFor();
    is(await link.locator("img").getAttribute("src"), "/sign-in", "a site's name and picture are above the list");
    await until("its name to be the window's", async () => (await page.title()) === "Acme");
    await until("its colour", () => page.locator("button.new").evaluate((el) => getComputedStyle(el).backgroundColor === "rgb(194, 24, 91)"));
    ok(true, "... and its name is the window's, its colour that of what is pressed");
    await page.context().unrouteAll({ behavior: "wait" });
}

async function asks(up) {
    const page = await visit("ann");
    const called = up.expect("first question");
    await askFor(page, "The first question");
    const answer = await called;
    await answer.say("Half of ");
    await page.getByText("Half of").waitFor();
    ok(await button(page, "Stop").isVisible(), "while it answers it can be stopped");
    await answer.end("the **answer**.");
    await settled(page);
    is(await shown(page), [["user", "The first question"], ["assistant", "Half of the answer."]], "an answer is shown as it comes");
    is(await lastAnswer(page).locator("strong").innerText(), "answer", "... as Markdown");
    const id = await conversationOf(page);
    is(await kept(id), [["user", "complete", "The first question"], ["assistant", "complete", "Half of the answer.".replace("answer", "**answer**")]], "... and is kept");
    is(await composer(page).inputValue(), "", "the field is empty again");
    await page.getByRole("link", { name: "The first question" }).waitFor();
    const before = await shown(page);
    await page.reload();
    await answers(page).waitFor();
    is(await shown(page), before, "it is there after a reload");

    await askFor(page, "The second question");
    await page.getByText("You said: The second question").waitFor();
    await settled(page);
    is((await kept(id)).length, 4, "it goes on in the same conversation");
    const call = up.calls.find((c) => c.body.messages.at(-1).content === "The second question");
    is(call.body.messages.map((m) => m.role), ["user", "assistant", "user"], "... whose history the provider is told");
}

async function stops(up) {
    const page = await visit("ann");
    const called = up.expect("to be stopped");
    await askFor(page, "An answer to be stopped");
    const answer = await called;
    await answer.say("Only this much");
    await page.getByText("Only this much").waitFor();
    await button(page, "Stop").click();
    await answer.gone;
    await settled(page);
    const id = await conversationOf(page);
    is(await kept(id), [["user", "complete", "An answer to be stopped"], ["assistant", "cancelled", "Only this much"]], "what was said before a stop is kept");
    ok(await page.getByText("You stopped this answer.").isVisible(), "... and is shown as that");
    await until("the field", () => composer(page).isEnabled());
}

async function leavesNothing(up) {
    const page = await visit("bob");
    await button(page, "Temporary chat").click();
    await page.getByText("A chat that leaves nothing behind").waitFor();
    await askFor(page, "Asked in a chat that is temporary");
    await page.getByText("You said: Asked in a chat that is temporary").waitFor();
    await settled(page);
    await askFor(page, "and once more");
    await page.getByText("You said: and once more").waitFor();
    await settled(page);
    is(up.calls.findLast((call) => call.question.includes("and once more")).body.messages.map((m) => m.role), ["user", "assistant", "user"], "a temporary chat goes on as any other");
    is(await rows("SELECT text FROM chat_message WHERE text LIKE '%temporary%' OR text LIKE '%once more%'"), [], "... and is kept nowhere");
    await page.reload();
    await page.getByText("What can I help with?").waitFor();
    is(await page.evaluate(() => JSON.stringify({ ...localStorage }).includes("temporary")), false, "... not in the browser, either");
}

const PIXEL = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");

async function attaches(up) {
    const page = await visit("ann");
    await button(page, "Attach files").waitFor();
    await page.locator('input[type="file"]').first().setInputFiles({ name: "dot.png", mimeType: "image/png", buffer: PIXEL });
    await page.getByRole("list", { name: "Files of this message" }).getByText("dot.png").waitFor();
    await page.locator(".attachments progress").waitFor({ state: "detached" });
    await page.reload();
    await page.getByRole("list", { name: "Files of this message" }).getByText("dot.png").waitFor();
    ok(true, "a file that is attached is there after a reload");
    const called = up.expect("in this picture");
    await composer(page).fill("What is in this picture?");
    await until("it to be uploaded", () => button(page, "Send").isEnabled());
    await button(page, "Send").click();
    const answer = await called;
    ok(JSON.stringify(answer.body.messages.at(-1).content).includes(PIXEL.toString("base64")), "the provider sees the picture", answer.body.messages.at(-1));
    await answer.end("A dot.");
    await page.getByText("A dot.").waitFor();
    await settled(page);
    ok(await page.locator("article.user img").evaluate((img) => img.complete && img.naturalWidth === 1), "... and so does who asked");
    await page.reload();
    await page.locator("article.user img").waitFor();
    ok(true, "... also after a reload");
}

/** Files, the archive and the pins by a conversation's own menu. */
async function puts(up) {
    const page = await visit("bob");
    await askFor(page, "To be put away");
    await page.getByText("You said: To be put away").waitFor();
    await settled(page);
    const item = async (name) => {
        await button(page, "More about this conversation").click();
        await page.getByRole("menuitem", { name, exact: true }).click();
    };
    const [file] = await Promise.all([page.waitForEvent("download"), item("Export as Markdown")]);
    const text = fs.readFileSync(await file.path(), "utf8");
    ok(text.includes("To be put away") && text.includes("You said: To be put away"), "a conversation is exported as Markdown", text);
    const [data] = await Promise.all([page.waitForEvent("download"), item("Export as JSON")]);
    is(JSON.parse(fs.readFileSync(await data.path(), "utf8")).conversations.length, 1, "... and as JSON");
    await item("Pin");
    await page.getByRole("heading", { name: "Pinned" }).waitFor();
    await item("Archive");
    await page.getByText("Archived: To be put away").waitFor();
    is(await page.getByRole("link", { name: "To be put away" }).count(), 0, "what is archived is not in the list");
    await button(page, "Undo").click();
    await page.getByRole("link", { name: "To be put away" }).waitFor();
    ok(true, "... and can be had back at once");
}

/** What the server would refuse is not sent to it. */
async function files() {
    const page = await visit("ann");
    const calls = [];
    page.on("request", (request) => request.url().includes("/api/v1/uploads") && calls.push(request.method()));
    const input = page.locator('input[type="file"]');
    const refused = page.locator(".attachments .failed");
    await input.setInputFiles({ name: "a.zip", mimeType: "application/zip", buffer: Buffer.from("PK") });
    await refused.getByText("Files of this type are not taken").waitFor();
    await button(page, "Remove a.zip").click();
    await input.setInputFiles({ name: "long.txt", mimeType: "text/plain", buffer: Buffer.alloc(300_000, "x") });
    await refused.getByText("Too large: 262 KB at most").waitFor();
    is(calls, [], "a file of another type, or a larger one, is refused before it is sent");
    await button(page, "Remove long.txt").click();
    await input.setInputFiles({ name: "short.txt", mimeType: "text/plain", buffer: Buffer.from("short") });
    await page.locator(".attachments").getByText("5 B").waitFor();
    is(await refused.count(), 0, "... and one that fits is taken");
}

/** What is found is shown as words, whatever marks it was written with. */
async function finds(up) {
    const page = await visit("eve");
    const called = up.expect("small animals");
    await askFor(page, "Tell me of small animals");
    await (await called).end("## Small ones\n\nThe **quokka** and `quokkas()`, [a *quokka*](https://x.example/q), 2 * 3, a_b_c, ~~sad~~ small &amp; happy.\n\n| a | b |\n|---|:-:|\n| 1 | **open");
    await settled(page);
    await page.keyboard.press("Control+k");
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("searchbox").fill("quokka");
    const snippet = dialog.locator("li").filter({ hasText: "a_b_c" }).locator("small[dir]");
    await snippet.waitFor();
    is(await snippet.innerText(), "Small ones The quokka and quokkas(), a quokka, 2 * 3, a_b_c, sad small & happy. · a · b · 1 · open", "what is found is shown without the marks of Markdown");
    is(await snippet.locator("mark").allInnerTexts(), ["quokka", "quokka"], "... and the words that were sought are marked");
}

run([{ opens, branded, signsIn, asks, stops }, { finds, leavesNothing, attaches, puts, files }]);
