// SPDX-License-Identifier: Apache-2.0
//
// Values against the documented schemas, for tests.
//
//   node validate.mjs DIRECTORY < LINES
//
// DIRECTORY has the schemas, NAME.json each. A line is {"schema": NAME,
// "value": ...}; for each a line is printed: a JSON array of what is wrong with
// the value, empty when nothing is. A schema that is none ends it all.
import { readFileSync, readdirSync } from "node:fs";
import { createInterface } from "node:readline";
import Ajv2020 from "ajv/dist/2020.js";

const dir = process.argv[2];
const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });

for (const file of readdirSync(dir).filter((name) => name.endsWith(".json"))) {
    ajv.addSchema(JSON.parse(readFileSync(`${dir}/${file}`, "utf8")), file);
}

for await (const line of createInterface({ input: process.stdin })) {
    const { schema, value } = JSON.parse(line);
    const validate = ajv.getSchema(`${schema}.json`);
    if (!validate) {
        console.log(JSON.stringify([`there is no schema ${schema}`]));
        continue;
    }
    validate(value);
    console.log(JSON.stringify((validate.errors ?? []).map(
        (error) => `${error.instancePath || "/"} ${error.message} ${JSON.stringify(error.params)}`)));
}
