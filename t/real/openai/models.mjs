// SPDX-License-Identifier: Apache-2.0
//
// The official OpenAI SDK asks for models: node models.mjs BASE [ID ...]. One
// JSON line: the list as the SDK has it, and each of the named, or its error.
import OpenAI from "openai";

const [baseURL, ...ids] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "sk-of-the-sdk", maxRetries: 0 });
const result = { list: [], one: {} };

for await (const model of client.models.list()) result.list.push(model);
for (const id of ids) {
    try {
        result.one[id] = await client.models.retrieve(id);
    } catch (e) {
        result.one[id] = { kind: e.constructor.name, status: e.status, code: e.code, message: e.message };
    }
}
console.log(JSON.stringify(result));
