/* kmsg.h - Kafka's messages between bytes and C structs, any version, by tables made from *.spec.
 *
 * A message is a struct of kmsg_gen.h (produce_request, ...) and its table kmsg_produce_request.
 * An absent or null string is STR_NULL, a null array has ptr NULL; encoding STR_NULL or NULL where
 * null is not allowed gives the empty value. A field that the version does not have is left at its
 * default by decoding and passed over by encoding.
 *
 * Memory: decoded strings and bytes point into the input, arrays and structs live in `arena`.
 * Limits: KMSG_MEM_MAX bytes of arrays and structs a message; counts by the bytes that remain.
 * Source: the protocol guide's field lists; record batches stay opaque (recbatch.h). */
#ifndef KMSG_H
#define KMSG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/rbuf.h"

#include "wire/kafka/kmsg_gen.h"

#define KMSG_MEM_MAX ((size_t)16 << 20)
#define KMSG_TAG_MAX 1000 /* tagged fields of one struct, known or not */

enum kmsg_type {
    KMSG_BOOL,
    KMSG_I8,
    KMSG_I16,
    KMSG_I32,
    KMSG_I64,
    KMSG_F64,
    KMSG_UUID,
    KMSG_STRING,
    KMSG_BYTES,
    KMSG_RECORDS,
    KMSG_STRUCT
};

struct kmsg_struct;
struct kmsg_field {
    const char *name;
    const struct kmsg_struct *elem; /* of KMSG_STRUCT */
    int64_t value;                  /* default */
    uint16_t pos, cnt_pos;          /* where it stands in the C struct, and its count */
    uint8_t type;                   /* enum kmsg_type */
    bool array;
    uint8_t first, last;            /* versions that have it */
    uint8_t null_first, null_last;  /* versions where it may be null */
    int8_t tag;                     /* -1: none */
};
struct kmsg_struct {
    const char *name;
    uint16_t size, field_cnt;
    const struct kmsg_field *field;
};
struct kmsg_api {
    int16_t key;
    uint8_t first, last, flex; /* versions that can be decoded; the first flexible one */
    const char *name;
    const struct kmsg_struct *request, *response;
};
struct kmsg_data {
    uint8_t first, last, flex;
    const char *name;
    const struct kmsg_struct *body;
};
extern const struct kmsg_api kmsg_apis[]; /* by rising key */
extern const size_t kmsg_api_cnt;
extern const struct kmsg_data kmsg_datas[];
extern const size_t kmsg_data_cnt;

const struct kmsg_api *kmsg_api_of(int key); /* NULL: not one of ours */

/* ERR_CORRUPT, ERR_TRUNC, ERR_TOO_BIG; bytes after the message are left in `in`. */
int kmsg_decode(const struct kmsg_struct *type, int version, bool flex, struct rbuf *in,
                struct arena *arena, void *out) MUST_USE;
/* ERR_TOO_BIG when the buf is full or a string is too long for its length field. */
int kmsg_encode(const struct kmsg_struct *type, int version, bool flex, struct buf *out,
                const void *msg) MUST_USE;

void kmsg_init(const struct kmsg_struct *type, void *msg); /* every field at its default */
void *kmsg_array(const struct kmsg_struct *type, struct arena *arena, size_t cnt) MUST_USE;
/* `cnt` structs at their defaults: KMSG_ARRAY(arena, fetch_response_topic, 3). */
#define KMSG_ARRAY(arena, name, cnt) ((struct name *)kmsg_array(&kmsg_##name, (arena), (cnt)))

/* What stands before every request and response. */
struct kmsg_head {
    int16_t api_key, api_version;
    int32_t correlation_id;
    struct str client_id; /* may be STR_NULL */
};
/* Reads key, version, correlation id and client id; the head's tagged fields only where the API is
 * known and the version flexible (of an unknown one nobody can tell). */
int kmsg_head_decode(struct rbuf *in, struct kmsg_head *out) MUST_USE;

#endif
