/* reghttp.h - one request to a registry that is reached by HTTP, at the first of several addresses
 * that answers.
 *
 * An address that does not connect, times out, answers 5xx or without end is passed over, the one
 * that answered is asked first the next time. When none does, calls fail at once until a back-off
 * with jitter is over, so that nobody waits for the same silence again. Redirects are not followed.
 * Thread: any; up to REGHTTP_IDLE_MAX connections are kept.
 * Limits: REGHTTP_URL_MAX addresses, REGHTTP_BODY_MAX bytes an answer. */
#ifndef REGHTTP_H
#define REGHTTP_H

#include "registry/registry_ops.h"

#define REGHTTP_URL_MAX  16
#define REGHTTP_IDLE_MAX 8
#define REGHTTP_BODY_MAX (64 * MIB)

struct reghttp;
/* `urls`: "http://a:8081,http://b:8081" with a user and password each, if any. Properties as
 * Confluent's clients name them: basic.auth.user.info, bearer.auth.token, ssl.ca.location,
 * ssl.certificate.location, ssl.key.location. ERR_CONFIG. */
int reghttp_open(struct reghttp **out, const struct registry_conf *conf, struct str urls) MUST_USE;
void reghttp_close(struct reghttp *http); /* NULL is allowed */

struct reghttp_call {
    const char *method;
    struct str path; /* "/subjects/..." */
    struct str body; /* JSON; ptr NULL: none */
    bool once;       /* not to be tried elsewhere when it may have been done */
    /* out: */
    long status;
    struct str answer; /* in the arena */
};
/* 0: there is an answer, whatever its status below 500. ERR_NET. */
int reghttp_ask(struct reghttp *http, struct arena *arena, struct reghttp_call *call) MUST_USE;
/* ERR_NET: nobody answered the last time. */
int reghttp_state(struct reghttp *http) MUST_USE;
const char *reghttp_hosts(const struct reghttp *http); /* for people */

#endif
