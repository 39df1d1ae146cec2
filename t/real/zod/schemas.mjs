// SPDX-License-Identifier: Apache-2.0
//
// The schemas of request bodies as one would write them with zod, and what
// t/tools/validate prints of a turn: {schema, turn, refuses}, by name.
import { z } from "zod";

export const MAX_BYTES = 1024 * 1024;

const MAX_LENGTH = 4000;
const MAX_TOTAL = 40000;

function bits(number) {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, number);
  return view.getBigUint64(0).toString(16).padStart(16, "0");
}

function checkTotal(total, ctx) {
  if (total > MAX_TOTAL)
    ctx.addIssue({
      code: "custom",
      message: `Total content length must be at most ${MAX_TOTAL} characters`,
    });
}

// ---- chat ----

const Message = z.object({
  role: z.enum(["user", "assistant", "system"]),
  content: z.string().min(1).max(MAX_LENGTH),
});

const Format = z.object({
  type: z.literal("json_schema"),
  schema: z.record(z.string(), z.unknown()),
  strict: z.boolean().optional(),
});

const rest = {
  system: z.string().optional(),
  model: z.string().optional(),
  temperature: z.number().min(0).max(2).optional(),
  maxOutputTokens: z.number().int().positive().max(16384).optional(),
};

const Chat = z.object({
  messages: z.array(Message).min(1).max(30).superRefine((messages, ctx) => {
    checkTotal(messages.reduce((sum, m) => sum + m.content.length, 0), ctx);
  }),
  ...rest,
  responseFormat: z.union([z.literal("text"), Format]).optional(),
});

function chatTurn({ messages, system, model, temperature, maxOutputTokens,
                    responseFormat }) {
  const strict = responseFormat?.strict;
  return {
    messages: messages.map(({ role, content }) => ({ role, content })),
    system,
    model,
    temperature: temperature === undefined ? undefined : bits(temperature),
    maxOutputTokens,
    strict: responseFormat?.schema && (strict === undefined ? -1 : +strict),
  };
}

// ---- the same with tools ----

// One of several schemas, by what the value is.
function chosen(choose) {
  const schema = z.unknown();
  schema._zod.run = (payload, ctx) => choose(payload.value)._zod
    .run(payload, ctx);
  return schema;
}

const Role = z.enum(["user", "assistant", "system", "tool"]);
const Name = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);
const Id = z.string().min(1).max(256);

const Call = z.object({
  id: Id,
  name: Name,
  arguments: z.string().max(MAX_LENGTH),
});

const Plain = z.object({ role: Role, content: Message.shape.content });

const Calling = z.object({
  role: Role,
  content: z.string().max(MAX_LENGTH).optional(),
  toolCalls: z.array(Call).min(1).max(128),
});

const Answer = z.object({
  role: Role,
  content: z.string().max(MAX_LENGTH),
  toolCallId: Id,
});

// An empty list of calls is as good as none.
const calls = (message) => message.toolCalls !== undefined
  && !(Array.isArray(message.toolCalls) && message.toolCalls.length === 0);

const ToolsMessage = chosen((message) => {
  if (message?.role === "assistant" && calls(message))
    return Calling;
  return message?.role === "tool" ? Answer : Plain;
});

const lengthOf = ({ content = "", toolCalls = [] }) =>
  toolCalls.reduce((sum, call) => sum + call.arguments.length, content.length);

function checkAnswers(messages, ctx) {
  const ids = new Set();
  for (const [i, message] of messages.entries()) {
    for (const call of message.toolCalls ?? [])
      ids.add(call.id);
    if (message.role === "tool" && !ids.has(message.toolCallId))
      ctx.addIssue({
        code: "custom",
        message: "No message before this one has a call of that id",
        path: [i, "toolCallId"],
      });
  }
}

function checkUnique(tools, ctx) {
  const names = new Set();
  for (const [i, { name }] of tools.entries()) {
    if (names.has(name))
      ctx.addIssue({
        code: "custom",
        message: "A tool before this one has the same name",
        path: [i, "name"],
      });
    names.add(name);
  }
}

const Tool = z.object({
  name: Name,
  description: z.string().optional(),
  parameters: z.record(z.string(), z.unknown()).optional(),
});

const Tools = z.object({
  messages: z.array(ToolsMessage).min(1).max(30)
    .superRefine((messages, ctx) => {
      checkTotal(messages.reduce((sum, m) => sum + lengthOf(m), 0), ctx);
      checkAnswers(messages, ctx);
    }),
  ...rest,
  responseFormat: z.union([z.literal("text"), z.literal("json"), Format])
    .optional(),
  tools: z.array(Tool).max(128).superRefine(checkUnique).optional(),
  toolChoice: z.union([z.enum(["auto", "none", "required"]),
                       z.object({ name: Name })]).optional(),
});

// What takes two members to see is looked at when each of them is right.
const Possible = Tools.superRefine(({ tools = [], toolChoice }, ctx) => {
  if (toolChoice?.name && !tools.some(({ name }) => name === toolChoice.name))
    ctx.addIssue({
      code: "custom",
      message: "No tool has that name",
      path: ["toolChoice", "name"],
    });
  if (toolChoice === "required" && !tools.length)
    ctx.addIssue({
      code: "custom",
      message: "There is no tool to be called",
      path: ["toolChoice"],
    });
});

const WhenRight = {
  safeParse(body) {
    const result = Tools.safeParse(body);
    return result.success ? Possible.safeParse(body) : result;
  },
};

// The second call of an id gets another one. An answer is that of the last
// message that has its id, and of its calls there the next, or the last.
function renamed(messages) {
  const taken = new Set(messages.flatMap(({ toolCalls = [] }) =>
    toolCalls.map(({ id }) => id)));
  const seen = new Map();

  function nameOf(id, message) {
    const calls = seen.get(id) ?? { number: 0 };
    seen.set(id, calls);
    if (calls.message !== message)
      Object.assign(calls, { message, names: [], answered: 0 });
    let name = id;
    if (++calls.number > 1) {
      while (taken.has(name = `${id}_${calls.number}`))
        calls.number++;
      taken.add(name);
    }
    calls.names.push(name);
    return name;
  }

  function answered(id) {
    const calls = seen.get(id);
    return calls.names[calls.answered++] ?? calls.names.at(-1);
  }

  return messages.map((message) => ({
    ...message,
    toolCalls: message.toolCalls?.map((call) =>
      ({ ...call, id: nameOf(call.id, message) })),
    toolCallId: message.toolCallId && answered(message.toolCallId),
  }));
}

function toolsTurn(body) {
  const { responseFormat, tools = [], toolChoice } = body;
  const messages = renamed(body.messages);
  const choice = tools.length ? toolChoice : undefined;
  return {
    ...chatTurn(body),
    messages: messages.map(({ role, content, toolCallId, toolCalls }) => ({
      role,
      content,
      toolCallId,
      toolCalls: toolCalls?.map(({ id, name, arguments: text }) =>
        ({ id, name, arguments: text })),
    })),
    json: responseFormat === "json" ? 1 : undefined,
    tools: tools.length
      ? tools.map(({ name, description, parameters }) =>
        ({ name, description, parameters: parameters && 1 }))
      : undefined,
    choice: choice?.name ? "tool" : choice,
    choiceName: choice?.name,
  };
}

// ---- one message ----

const Alone = z.object({
  message: z.string().superRefine((text, ctx) => {
    if ([...text].length <= MAX_LENGTH && text.trim() === "")
      ctx.addIssue({
        origin: "string", code: "too_small", minimum: 1, inclusive: true,
        path: [], message: "Too small: expected string to have >=1 characters",
      });
  }).max(MAX_LENGTH).superRefine((text, ctx) => {
    if (/(?![\t\n\r])\p{Cc}/u.test(text))
      ctx.addIssue({
        code: "custom",
        message: "Control characters other than tab, line feed and carriage " +
          "return are not allowed",
      });
    checkTotal(text.length, ctx);
  }),
  model_id: z.string().nullish(),
  session_id: z.string().regex(/^[A-Za-z0-9._-]{1,128}$/).nullish(),
});

const MORE = ["tools", "tool_choice", "toolChoice", "functions",
              "response_format", "responseFormat"];

export const schemas = {
  chat: { schema: Chat, turn: chatTurn },
  tools: { schema: WhenRight, turn: toolsTurn },
  message: {
    schema: Alone,
    turn: ({ message, model_id, session_id }) => ({
      messages: [{ role: "user", content: message }],
      model: model_id ?? undefined,
      session: session_id ?? undefined,
    }),
    // Refused before zod is asked.
    refuses: (body) => typeof body === "object" && body !== null &&
      !Array.isArray(body) && MORE.some((name) => (body[name] ?? null) !== null),
  },
};
