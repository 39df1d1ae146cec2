// SPDX-License-Identifier: Apache-2.0
// The real stripe package, a line of JSON in and one out: {"sign": BODY,
// "secret", "timestamp"?} is given a header; {"check": BODY, "header", "secret"}
// whether constructEvent() takes it.
import Stripe from 'stripe';
import { createInterface } from 'node:readline';

const stripe = new Stripe('sk_test_nobody');

function answer({ sign, check, header, secret, timestamp }) {
    if (sign !== undefined)
        return { header: stripe.webhooks.generateTestHeaderString({ payload: sign, secret, timestamp }) };
    try {
        return { ok: stripe.webhooks.constructEvent(check, header, secret).id };
    } catch (error) {
        return { error: error.message };
    }
}

for await (const line of createInterface({ input: process.stdin }))
    process.stdout.write(JSON.stringify(answer(JSON.parse(line))) + '\n');
