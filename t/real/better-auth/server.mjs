// SPDX-License-Identifier: Apache-2.0
//
// The real better-auth on one of the databases it is used with, for the tests:
// its own tables by its own migrations, sign-up, sign-in and sign-out over
// HTTP on 127.0.0.1. Prints "listening PORT" when it is ready and leaves when
// its standard input ends.
//
//   node server.mjs STORE DATABASE SECRET [OPTIONS]
//
//   STORE     kysely-pgsql | kysely-sqlite | drizzle-pgsql | drizzle-sqlite
//   DATABASE  a connection string, or a file name
//   OPTIONS   JSON: admin (1: with the admin plugin), ids ("serial", "uuid"),
//             requireSignature (of the bearer plugin), and what goes to
//             betterAuth() as it is under "auth"
import http from "node:http";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { admin, bearer } from "better-auth/plugins";
import { openDrizzle } from "./drizzle.mjs";
import { openKysely } from "./kysely.mjs";

const [store, database, secret, json = "{}"] = process.argv.slice(2);
const [adapter, kind] = store.split("-");
const wanted = JSON.parse(json);

const server = http.createServer();
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const { port } = server.address();

const options = {
    secret,
    baseURL: `http://127.0.0.1:${port}`,
    emailAndPassword: {
        enabled: true,
        // scrypt would take most of the time of the tests
        password: {
            hash: async (password) => `plain:${password}`,
            verify: async ({ hash, password }) => hash === `plain:${password}`,
        },
    },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    plugins: [
        bearer({ requireSignature: !!wanted.requireSignature }),
        ...(wanted.admin ? [admin()] : []),
    ],
    advanced: wanted.ids ? { database: { generateId: wanted.ids } } : {},
    ...wanted.auth,
};

if (adapter === "drizzle") {
    options.database = await openDrizzle(kind, database, options);
}
else {
    options.database = openKysely(kind, database);
    const { runMigrations } = await getMigrations(options);
    await runMigrations();
}

const auth = betterAuth(options);
const handle = toNodeHandler(auth);
server.on("request", (req, res) => handle(req, res));
console.log(`listening ${port}`);

process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
