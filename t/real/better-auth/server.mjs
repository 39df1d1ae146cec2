// SPDX-License-Identifier: Apache-2.0
//
// The real better-auth on databases it is used with, for the tests: its own
// tables by its own migrations, sign-up, sign-in and sign-out over HTTP on
// 127.0.0.1. Prints "listening PORT ..." when all are ready and leaves when
// its standard input ends.
//
//   node server.mjs APP ...
//
// Each APP is JSON:
//   store     kysely-pgsql | kysely-sqlite | drizzle-pgsql | drizzle-sqlite
//   database  a connection string, or a file name
//   secret    BETTER_AUTH_SECRET
//   options   admin, jwt (1: with that plugin), ids ("serial", "uuid"),
//             requireSignature (of the bearer plugin); "auth" goes to
//             betterAuth() as it is
import http from "node:http";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { admin, bearer, jwt } from "better-auth/plugins";
import { openDrizzle } from "./drizzle.mjs";
import { openKysely } from "./kysely.mjs";

// scrypt would take most of the time of the tests
const password = {
    hash: async (text) => `plain:${text}`,
    verify: async ({ hash, password: text }) => hash === `plain:${text}`,
};

async function openApp({ store, database, secret, options: wanted }) {
    const [adapter, kind] = store.split("-");
    const server = http.createServer();
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address();
    const options = {
        secret,
        baseURL: `http://127.0.0.1:${port}`,
        emailAndPassword: { enabled: true, password },
        rateLimit: { enabled: false },
        telemetry: { enabled: false },
        plugins: [
            bearer({ requireSignature: !!wanted.requireSignature }),
            ...(wanted.admin ? [admin()] : []),
            ...(wanted.jwt ? [jwt()] : []),
        ],
        advanced: wanted.ids ? { database: { generateId: wanted.ids } } : {},
        ...wanted.auth,
    };

    if (adapter === "drizzle") {
        options.database = await openDrizzle(kind, database, options);
    }
    else {
        options.database = openKysely(kind, database);
        await (await getMigrations(options)).runMigrations();
    }
    server.on("request", toNodeHandler(betterAuth(options)));
    return port;
}

const ports = [];
for (const app of process.argv.slice(2)) ports.push(await openApp(JSON.parse(app)));
console.log(`listening ${ports.join(" ")}`);

process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
