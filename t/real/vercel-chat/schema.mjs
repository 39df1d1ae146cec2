// SPDX-License-Identifier: Apache-2.0
//
// Which bodies the schema of Vercel's chat template takes. Standard input is a
// list of texts, standard output a list of what became of each: 1 or 0.
import { z } from 'zod';

const part = z.union([
    z.object({ type: z.enum(['text']), text: z.string().min(1).max(2000) }),
    z.object({
        type: z.enum(['file']),
        mediaType: z.enum(['image/jpeg', 'image/png']),
        name: z.string().min(1).max(100),
        url: z.string().url(),
    }),
]);
const body = z.object({
    id: z.string().uuid(),
    message: z.object({ id: z.string().uuid(), role: z.enum(['user']), parts: z.array(part) }),
    selectedChatModel: z.string(),
    selectedVisibilityType: z.enum(['public', 'private']),
});

function takes(text) {
    try {
        return body.safeParse(JSON.parse(text)).success ? 1 : 0;
    } catch {
        return 0;
    }
}

let text = '';
for await (const piece of process.stdin) text += piece;
process.stdout.write(JSON.stringify(JSON.parse(text).map(takes)));
