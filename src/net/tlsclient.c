/* tlsclient.c - OpenSSL's side of a client connection. */
#include "net/tlsclient.h"

#include "base/err.h"

#include <arpa/inet.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>

struct tlsclient {
    SSL_CTX *ctx;
    bool any_name;
};

static int fail(const char *what, const char *file) {
    char why[200];
    ERR_error_string_n(ERR_peek_last_error(), why, sizeof why);
    ERR_clear_error();
    return err_fail(ERR_CONFIG, "TLS: %s %s cannot be used: %s", what, file, why);
}

static int load(SSL_CTX *ctx, const struct tlsclient_conf *conf) {
    const char *key = conf->key_file ? conf->key_file : conf->cert_file;
    if (conf->ca_file ? !SSL_CTX_load_verify_locations(ctx, conf->ca_file, NULL)
                      : !SSL_CTX_set_default_verify_paths(ctx))
        return fail("the trusted certificates", conf->ca_file ? conf->ca_file : "of the system");
    if (conf->cert_file && !SSL_CTX_use_certificate_chain_file(ctx, conf->cert_file))
        return fail("certificate", conf->cert_file);
    if (key && !SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM)) return fail("key", key);
    if (key && !SSL_CTX_check_private_key(ctx)) return fail("key", key);
    return 0;
}

int tlsclient_open(struct tlsclient **out, const struct tlsclient_conf *conf) {
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    CHECK(ctx);
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    int err = load(ctx, conf);
    if (err) {
        SSL_CTX_free(ctx);
        return err;
    }
    struct tlsclient *tls = base_calloc(1, sizeof *tls);
    tls->ctx = ctx;
    tls->any_name = conf->any_name;
    *out = tls;
    return 0;
}

void tlsclient_close(struct tlsclient *tls) {
    if (!tls) return;
    SSL_CTX_free(tls->ctx);
    base_free(tls);
}

static bool is_address(const char *name) {
    unsigned char bytes[16];
    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

struct bufferevent *tlsclient_bev(struct tlsclient *tls, struct event_base *base,
                                  const char *name) {
    SSL *ssl = SSL_new(tls->ctx);
    CHECK(ssl && name);
    bool address = is_address(name);
    if (!address) /* the macro for it casts const away, which clang refuses */
        CHECK(SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                       (void *)(uintptr_t)name) == 1);
    if (!tls->any_name && address)
        CHECK(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1);
    else if (!tls->any_name)
        CHECK(SSL_set1_host(ssl, name) == 1);
    struct bufferevent *bev = bufferevent_openssl_socket_new(
        base, -1, ssl, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
    CHECK(bev);
    bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    return bev;
}

bool tlsclient_why(struct bufferevent *bev, char *out, size_t size) {
    SSL *ssl = bufferevent_openssl_get_ssl(bev);
    long verify = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;
    unsigned long code = bufferevent_get_openssl_error(bev);
    if (verify != X509_V_OK)
        snprintf(out, size, "the certificate is refused: %s",
                 X509_verify_cert_error_string(verify));
    else if (code)
        ERR_error_string_n(code, out, size);
    return verify != X509_V_OK || code;
}
