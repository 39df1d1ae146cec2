// SPDX-License-Identifier: Apache-2.0
//
// What the route uses, made once per process: sessions in PostgreSQL, counters
// in Redis, the SDK.
import { betterAuth } from "better-auth";
import Redis from "ioredis";
import OpenAI from "openai";
import pg from "pg";
import { RateLimiterRedis } from "rate-limiter-flexible";

export const auth = betterAuth({
    secret: process.env.BETTER_AUTH_SECRET,
    baseURL: "http://127.0.0.1",
    database: new pg.Pool({
        connectionString: process.env.DATABASE_URL,
        max: 10,
    }),
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
});

// Not connected while the application is built.
const storeClient = new Redis(process.env.REDIS_URL ?? "", {
    lazyConnect: !process.env.REDIS_URL,
});

// user:few is somebody whose limit is reached.
const many = new RateLimiterRedis({
    storeClient,
    keyPrefix: "next-many",
    points: 1000000000,
    duration: 3600,
});
const few = new RateLimiterRedis({
    storeClient,
    keyPrefix: "next-few",
    points: 1,
    duration: 3600,
});

export const limiterOf = (user) => (user === "few" ? few : many);

export const openai = new OpenAI({
    apiKey: process.env.OPENAI_API_KEY ?? "none",
    baseURL: process.env.OPENAI_BASE_URL,
    maxRetries: 0,
});
