/* regserver.h - the registry's REST door, spoken by the serializers of every Kafka client.
 *
 * Source: Confluent's Schema Registry API v1: paths, bodies and error codes. Not there: modes other
 * than READWRITE, references, contexts, exporters, rule sets.
 * Thread: the loop's. */
#ifndef REGISTRY_SERVER_REGSERVER_H
#define REGISTRY_SERVER_REGSERVER_H

#include "net/loop.h"
#include "registry/registry.h"

struct regserver;
struct regserver_conf {
    struct registry *registry; /* borrowed, must outlive the server */
    const char *host;
    uint16_t port;             /* 0: the system picks */
    const char *token;         /* what changes something needs it; NULL: nothing does */
};
int regserver_open(struct regserver **out, struct loop *loop,
                   const struct regserver_conf *conf) MUST_USE;
void regserver_close(struct regserver *server); /* NULL is allowed */
uint16_t regserver_port(const struct regserver *server);

#endif
