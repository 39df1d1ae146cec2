// SPDX-License-Identifier: Apache-2.0
//
// The page is opened, asked, answers, is stopped and is read again.
import { answers, askFor, button, composer, conversationOf, is, kept, lastAnswer, ok, run, settled, shown, until, visit } from "./lib.mjs";

async function opens() {
    const page = await visit("ann");
    ok(await composer(page).isVisible(), "there is a field to write in");
    ok(await composer(page).evaluate((el) => el === document.activeElement), "... which has the focus");
    await button(page, "Model: m").waitFor();
    const guest = await visit(null);
    ok(await composer(guest).isVisible(), "a guest has one, too");
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
    is(up.calls.at(-1).body.messages.map((m) => m.role), ["user", "assistant", "user"], "... whose history the provider is told");
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

run([{ opens, asks, stops }]);
