// SPDX-License-Identifier: Apache-2.0
//
// The queries of Vercel's chat template, by the packages that it uses. The URL
// of a database is the argument; a line of standard input is [function,
// argument], and a line of standard output what that gives, as JSON.
import { createInterface } from 'node:readline';
import { and, asc, count, eq, gte } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import { boolean, json, jsonb, pgTable, primaryKey, text, timestamp, uuid, varchar } from 'drizzle-orm/pg-core';
import postgres from 'postgres';

const chat = pgTable('Chat', {
    id: uuid('id').primaryKey().notNull().defaultRandom(),
    createdAt: timestamp('createdAt').notNull(),
    title: text('title').notNull(),
    userId: uuid('userId').notNull(),
    visibility: varchar('visibility', { enum: ['public', 'private'] }).notNull().default('private'),
    lastContext: jsonb('lastContext'),
});
const message = pgTable('Message_v2', {
    id: uuid('id').primaryKey().notNull().defaultRandom(),
    chatId: uuid('chatId').notNull(),
    role: varchar('role').notNull(),
    parts: json('parts').notNull(),
    attachments: json('attachments').notNull(),
    createdAt: timestamp('createdAt').notNull(),
});
const vote = pgTable(
    'Vote_v2',
    { chatId: uuid('chatId').notNull(), messageId: uuid('messageId').notNull(), isUpvoted: boolean('isUpvoted').notNull() },
    (table) => ({ pk: primaryKey({ columns: [table.chatId, table.messageId] }) }),
);
const stream = pgTable(
    'Stream',
    { id: uuid('id').notNull().defaultRandom(), chatId: uuid('chatId').notNull(), createdAt: timestamp('createdAt').notNull() },
    (table) => ({ pk: primaryKey({ columns: [table.id] }) }),
);

const [, , host] = process.argv;
const client = postgres({ host, database: 'chat', username: 'chat', max: 2, onnotice: () => {} });
const db = drizzle(client);

const functions = {
    getChatById: async ({ id }) => (await db.select().from(chat).where(eq(chat.id, id)))[0] ?? null,
    saveChat: ({ id, userId, title, visibility }) =>
        db.insert(chat).values({ id, createdAt: new Date(), userId, title, visibility }),
    saveMessages: ({ messages }) =>
        db.insert(message).values(messages.map((m) => ({ ...m, attachments: [], createdAt: new Date() }))),
    getMessagesByChatId: ({ id }) =>
        db.select().from(message).where(eq(message.chatId, id)).orderBy(asc(message.createdAt)),
    createStreamId: ({ streamId, chatId }) => db.insert(stream).values({ id: streamId, chatId, createdAt: new Date() }),
    getStreamIdsByChatId: async ({ chatId }) =>
        (
            await db
                .select({ id: stream.id })
                .from(stream)
                .where(eq(stream.chatId, chatId))
                .orderBy(asc(stream.createdAt))
                .execute()
        ).map(({ id }) => id),
    updateChatLastContextById: ({ chatId, context }) =>
        db.update(chat).set({ lastContext: context }).where(eq(chat.id, chatId)),
    getMessageCountByUserId: async ({ id, differenceInHours }) => {
        const since = new Date(Date.now() - differenceInHours * 60 * 60 * 1000);
        const [stats] = await db
            .select({ count: count(message.id) })
            .from(message)
            .innerJoin(chat, eq(message.chatId, chat.id))
            .where(and(eq(chat.userId, id), gte(message.createdAt, since), eq(message.role, 'user')))
            .execute();
        return stats?.count ?? 0;
    },
    voteMessage: ({ chatId, messageId, isUpvoted }) => db.insert(vote).values({ chatId, messageId, isUpvoted }),
    deleteChatById: async ({ id }) => {
        await db.delete(vote).where(eq(vote.chatId, id));
        await db.delete(message).where(eq(message.chatId, id));
        await db.delete(stream).where(eq(stream.chatId, id));
        const [deleted] = await db.delete(chat).where(eq(chat.id, id)).returning();
        return deleted ?? null;
    },
};

for await (const line of createInterface({ input: process.stdin })) {
    const [name, argument] = JSON.parse(line);
    const result = await functions[name](argument).catch((error) => ({ error: error.message }));
    process.stdout.write(`${JSON.stringify(result ?? null)}\n`);
}
await client.end();
