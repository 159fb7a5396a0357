/* address.h - where a tier is: a URL and properties, as sluice.yml gives them.
 *
 *     scheme://user:password@host:port,host:port/path?name=value&...
 *
 * The URL that a tier is opened with holds passwords in clear, percent-encoded; it is shown to
 * people only through the sinks that blot secrets out (base/redact.h).
 * Thread: any. Memory: what address_parse() hands out lives in its arena. */
#ifndef MODEL_ADDRESS_H
#define MODEL_ADDRESS_H

#include "base/arena.h"

#define ADDRESS_PROPERTY_MAX 200 /* of one tier */

struct address_property { /* by the name that the tier's product or library gives it */
    struct str name, value;
};
struct address {
    const char *url; /* NULL: the embedded tier */
    const struct address_property *property;
    size_t property_cnt;
};

struct address_url {
    struct str scheme, user, password; /* decoded; password.ptr NULL: none */
    struct str hosts;                  /* "host:port,host", as written */
    struct str path;                   /* without its first '/'; "" */
    const struct address_property *query;
    size_t query_cnt;
};
/* ERR_CONFIG: it is no such URL. */
int address_parse(struct str url, struct arena *arena, struct address_url *out) MUST_USE;
/* The value by its name, or ptr NULL. */
struct str address_value(const struct address_property *property, size_t cnt, const char *name);
/* Percent-decoded; a '%' that no two hexadecimal digits follow stays. */
struct str address_decode(struct str text, struct arena *arena);
/* Percent-encoded, fit for any part of a URL. */
struct str address_encode(struct str text, struct arena *arena);

#endif
