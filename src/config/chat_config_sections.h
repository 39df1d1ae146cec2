/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sections of a configuration as a request will meet them, as far as that
 * can be known before there is one: httpd's own lists of <Location> and
 * <Directory>, merged for a path as httpd merges them. Private to config/.
 * While a configuration is checked, main thread; everything lives in the pool
 * that was given.
 *
 * What <If>, <Files> and .htaccess will say cannot be known: they are "loose",
 * and what one of them may set is not missed.
 */
#ifndef CHAT_CONFIG_SECTIONS_H
#define CHAT_CONFIG_SECTIONS_H

#include <http_core.h>

#include "chat_config_int.h"

typedef enum {
    CHAT_SECTION_SERVER,   /* what stands outside sections */
    CHAT_SECTION_LOCATION, /* <Location /path>, without a pattern */
    CHAT_SECTION_PATTERN,  /* <LocationMatch>, <Location ~> or with a * */
    CHAT_SECTION_LOOSE     /* <Directory>, <Files>, <If> */
} chat_section_e;

/* What SetHandler gives there. */
typedef enum {
    CHAT_HANDLER_UNSET, /* it is not written */
    CHAT_HANDLER_OTHER,
    CHAT_HANDLER_MAYBE, /* an expression */
    CHAT_HANDLER_CHAT
} chat_handler_e;

typedef struct chat_section_t {
    chat_section_e kind;
    chat_handler_e handler;
    const core_dir_config *core; /* of httpd: the path, what stands in it */
    chat_dir_conf_t *conf;       /* NULL: no directive of ours stands in it */
} chat_section_t;

/* One section of a server, with what holds at its path. */
typedef struct chat_view_t {
    server_rec *s;
    const chat_section_t *section;
    const char *name;                /* "<Location /x>", for messages */
    const chat_dir_conf_t *conf;     /* merged and completed; never NULL */
    const chat_dir_conf_t *bare;     /* merged; unset is unset */
    chat_handler_e handler;          /* that holds there */
    const apr_array_header_t *loose; /* chat_section_t: may hold as well */
    apr_pool_t *p;
} chat_view_t;

/* All sections of a server, chat_section_t; a host's begin with those of the
 * main server. */
apr_array_header_t *chat_config_sections(const server_rec *s, apr_pool_t *p);

/* For chat_config_dir(): each section with its defaults, in pconf, as most
 * requests meet but one with something of ours in it. */
void chat_config_sections_complete(server_rec *main_server, apr_pool_t *pconf);

/* What holds at one of these sections. */
chat_view_t *chat_config_sections_view(server_rec *s,
                                       const apr_array_header_t *sections,
                                       const chat_section_t *section,
                                       apr_pool_t *p);

/* Is that section's path at, or below, the path of a plain <Location>? */
int chat_config_sections_cover(const chat_section_t *section, const char *path);

/* ---- chat_config_tree.c: what stands in the files, also of other modules
 * ---- */

/* The first argument of the directive of that name at file:line, in p; NULL:
 * there is none. httpd keeps no more of a SetHandler. */
const char *chat_config_tree_argument(const char *name, const char *file,
                                      unsigned line, apr_pool_t *p);

/* Call visit for each directive of that name. path is that of the plain
 * <Location> around it; NULL: none is, or another section is nearer. host is
 * its server. */
typedef void chat_config_tree_visit_fn(void *ctx,
                                       const ap_directive_t *directive,
                                       const char *path, server_rec *host);
void chat_config_tree_visit(const char *name, chat_config_tree_visit_fn *visit,
                            void *ctx, server_rec *main_server, apr_pool_t *p);

/* ---- chat_config_mounts.c ---- */

/* For chat_config_mounts(), when the configuration is as it has to be. */
void chat_config_mounts_find(server_rec *main_server, apr_pool_t *pconf);

/* ---- chat_config_check_relayed.c ---- */

/* How often a provider whose streams only pass stands where it cannot be asked:
 * each is told as an error. */
int chat_config_check_relayed(server_rec *s, apr_pool_t *ptemp);

/* ---- chat_config_advice.c ---- */

/* What is written, but cannot be meant; told as warnings. */
void chat_config_advice_give(server_rec *main_server, apr_pool_t *ptemp);

/* chat_config_advice_limits.c: 1 when it is so at this section; say: tell it.
 */
int chat_config_advice_limits_guard(const chat_view_t *v, int say);
int chat_config_advice_limits_keys(const chat_view_t *v, int say);
/* chat_config_advice_moderation.c: the same. */
int chat_config_advice_moderation_replace(const chat_view_t *v, int say);

/* chat_config_advice_places.c: the part that needs directives of other modules:
 * all of it; and does a Require stand where it holds for this section, or may
 * it? */
int chat_config_advice_places_guard(const chat_view_t *v);
void chat_config_advice_places(server_rec *main_server, apr_pool_t *ptemp);

#endif
