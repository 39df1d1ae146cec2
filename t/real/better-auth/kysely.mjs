// SPDX-License-Identifier: Apache-2.0
//
// better-auth's default adapter. PostgreSQL: a pg.Pool, as its documentation
// says. SQLite: Kysely's own dialect over a SQLite that needs no compiler,
// dressed as better-sqlite3.
import { SqliteDialect } from "kysely";
import pg from "pg";
import { openSqlite } from "./sqlite.mjs";

export function openKysely(kind, database) {
    if (kind === "pgsql") {
        const pool = new pg.Pool({ connectionString: database, max: 2 });
        // the tests stop the database; a lost idle connection is no news
        pool.on("error", () => {});
        return pool;
    }
    const db = openSqlite(database);
    return {
        type: "sqlite",
        dialect: new SqliteDialect({
            database: {
                prepare: (sql) => ({
                    reader: /^\s*(select|pragma|with)|\breturning\b/i.test(sql),
                    all: (values) => db.all(sql, values),
                    run: (values) => db.run(sql, values),
                }),
                close: () => db.close(),
            },
        }),
    };
}
