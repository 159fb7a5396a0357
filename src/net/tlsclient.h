/* tlsclient.h - TLS as a client: what is trusted, who we are, whom the other side must be.
 *
 * TLS 1.2 and up. The certificate's chain is checked against the file given or the system's, and,
 * unless told not to, it must name the host: by its DNS name, or its address where the name is one.
 * Thread: open and close any; the rest the loop's. */
#ifndef NET_TLSCLIENT_H
#define NET_TLSCLIENT_H

#include "base/base.h"

struct bufferevent;
struct event_base;
struct tlsclient;
struct tlsclient_conf {
    const char *ca_file;   /* PEM; NULL: what the system trusts */
    const char *cert_file; /* PEM chain, our own; NULL: none */
    const char *key_file;  /* NULL: in cert_file */
    bool any_name;         /* the certificate may name another host */
};
int tlsclient_open(struct tlsclient **out, const struct tlsclient_conf *conf) MUST_USE;
void tlsclient_close(struct tlsclient *tls); /* NULL is allowed */

/* ---- for conn.c ---- */
struct bufferevent *tlsclient_bev(struct tlsclient *tls, struct event_base *base,
                                  const char *name);
/* Why the handshake failed; false: TLS has nothing to say. */
bool tlsclient_why(struct bufferevent *bev, char *out, size_t size);

#endif
