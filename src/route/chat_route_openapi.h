/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The document of the route openapi: what script/openapi.pl makes of
 * src/route/openapi when the module is built, put together for the locations
 * of a server.
 */
#ifndef CHAT_ROUTE_OPENAPI_H
#define CHAT_ROUTE_OPENAPI_H

/*
 * A route and its operations, JSON: [{"path": below the location, "method",
 * "auth": "user", "guest", "none", "httpd" or "signature", "limited"?,
 * "store"?, "format"?: there with that ChatStore, that ChatRequestFormat alone,
 * "operation": as OpenAPI has it, "schemas": [names], "responses": [names],
 * "bound": [those schemas in which, or in one that they name, a text "$..." is
 * a bound of the location]}].
 */
typedef struct chat_route_openapi_part_t {
    const char *route; /* NULL ends the table */
    const char *operations;
} chat_route_openapi_part_t;

extern const chat_route_openapi_part_t chat_route_openapi_parts[];

/* JSON objects by name. */
extern const char chat_route_openapi_schemas[];
extern const char chat_route_openapi_responses[];
extern const char chat_route_openapi_headers[];

struct server_rec;
struct apr_pool_t;

/* OpenAPI 3.1 of all that the server serves in plain <Location>s, JSON. Request
 * thread, or the main one. NULL: there is no memory for it. */
const char *chat_route_openapi_document(const struct server_rec *s,
                                        struct apr_pool_t *p);

/* ---- chat_route_openapi_security.c ---- */

struct chat_json_t;
struct chat_dir_conf_t;

/* "security" of an operation of a location, by its "auth"; what it names is
 * added to schemes. */
struct chat_json_t *
chat_route_openapi_security(struct chat_json_t *schemes, const char *auth,
                            const struct chat_dir_conf_t *conf,
                            struct apr_pool_t *p);

#endif
