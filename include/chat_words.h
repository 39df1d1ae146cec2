/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of words as accounts have them: roles ("user,admin") and tiers
 * ("pro,beta"), with commas or spaces between. One meaning for all that compare
 * them. Pure, any thread.
 */
#ifndef CHAT_WORDS_H
#define CHAT_WORDS_H

/* 1 when word is one of the words of list; case counts. list NULL has none. */
int chat_words_has(const char *list, const char *word);

#endif
