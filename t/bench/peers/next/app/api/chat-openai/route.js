// SPDX-License-Identifier: Apache-2.0
//
// POST: who is it, is the body right, may they, then the SDK's stream as it
// comes. The clamps are those of every server in the benchmark.
import { z } from "zod";
import { auth, limiterOf, openai } from "../../../lib/services.js";

export const runtime = "nodejs";
export const dynamic = "force-dynamic";

const Message = z.object({
    role: z.enum(["user", "assistant", "system"]),
    content: z.string().min(1).max(400000),
});

const Body = z.object({
    messages: z.array(Message).min(1).max(30).superRefine((messages, ctx) => {
        const total = messages.reduce((sum, m) => sum + m.content.length, 0);
        if (total > 400000)
            ctx.addIssue({ code: "custom", message: "too long altogether" });
    }),
    system: z.string().optional(),
    model: z.string().optional(),
    temperature: z.number().min(0).max(2).optional(),
    maxOutputTokens: z.number().int().positive().max(16384).optional(),
});

const refuse = (status, code, more = {}, headers = {}) =>
    Response.json({ code, ...more }, { status, headers });

export async function POST(request) {
    const session = await auth.api.getSession({ headers: request.headers });
    if (!session)
        return refuse(401, "unauthorized");

    const body = Body.safeParse(await request.json().catch(() => undefined));
    if (!body.success)
        return refuse(400, "invalid_request", { issues: body.error.issues });

    const user = session.user.id;
    try {
        await limiterOf(user).consume(user);
    }
    catch (full) {
        if (full instanceof Error)
            throw full;
        const seconds = Math.ceil(full.msBeforeNext / 1000);
        return refuse(429, "rate_limited", {}, { "Retry-After": `${seconds}` });
    }

    const { messages, system, model, temperature, maxOutputTokens } = body.data;
    let upstream;
    try {
        upstream = await openai.responses.create({
            model: model ?? "gpt-4o-mini",
            input: messages,
            instructions: system,
            temperature,
            max_output_tokens: maxOutputTokens,
            stream: true,
        }, { signal: request.signal }).asResponse();
    }
    catch (error) {
        return refuse(502, "upstream_error", { status: error.status });
    }
    return new Response(upstream.body, {
        headers: {
            "Content-Type": "text/event-stream; charset=utf-8",
            "Cache-Control": "no-store, no-transform",
            Connection: "keep-alive",
        },
    });
}
