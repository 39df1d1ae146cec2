/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses a server may connect to for somebody whom it does not trust:
 * those of the public internet, and none of a network of its own. Pure, any
 * thread.
 */
#ifndef CHAT_ADDRESS_H
#define CHAT_ADDRESS_H

struct sockaddr;

/* 1: it is one. An IPv4 address in an IPv6 one is judged as it is. 0: any
 * other, also of another family. */
int chat_address_is_public(const struct sockaddr *address);

/* The same of an address as text; 0 where it is none. */
int chat_address_text_is_public(const char *text);

#endif
