/* json.h - JSON text (RFC 8259) read where it lies: no copies, no tree, no recursion.
 *
 * struct json is a cursor over borrowed text with a sticky error, as rbuf is over bytes: a call
 * after an error does nothing and yields nothing, and one json_err() stands at the end.
 *
 *     struct json in;
 *     struct json_value value;
 *     struct str name;
 *     json_open(&in, text, 0);
 *     json_object(&in);
 *     while (json_member(&in, &name))
 *         if (str_eqz(name, "results")) json_value(&in, &value);
 *         else json_skip(&in);
 *     json_close(&in);
 *     return json_err(&in);
 *
 * After json_member() or json_item() said true, exactly one of json_value(), json_skip(),
 * json_object() or json_array() must take the value that follows; a container that was entered is
 * to be walked until its json_member() or json_item() says false.
 *
 * Everything passed over is checked: grammar, numbers, escapes, control characters, UTF-8. A slice
 * that came out of json_value() is therefore well-formed JSON by itself.
 *
 * Memory:  slices borrow the text. Thread: one cursor, one thread.
 * Errors:  json_err() is 0 or ERR_SYNTAX, ERR_TRUNC, ERR_TOO_BIG; json_pos() tells the byte.
 * Limits:  JSON_DEPTH_MAX levels; text of any length. */
#ifndef WIRE_JSON_JSON_H
#define WIRE_JSON_JSON_H

#include "base/arena.h"
#include "base/buf.h"

#define JSON_DEPTH_MAX 64

enum json_kind { JSON_NULL, JSON_BOOL, JSON_INT, JSON_REAL, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* What Spark's reader takes beyond RFC 8259: strings in single quotes; NaN, INF, Infinity (with
 * a sign) as numbers. */
#define JSON_LAX 1u

struct json {
    const char *at, *end; /* what is left */
    const char *base;     /* the text's first byte: positions count from here */
    const char *why;      /* NULL while all is well */
    uint16_t depth;       /* containers entered */
    bool fresh;           /* a container was entered and nothing read from it yet */
    uint8_t flags;
    uint8_t err;          /* -enum err once `why` is set */
};
struct json_value {
    enum json_kind kind;
    bool escaped;   /* STRING: has a backslash, so its text is not a slice */
    struct str raw; /* as it stands in the text, a string with its quotes */
};

void json_open(struct json *in, struct str text, unsigned flags);
/* Enters the container that `opening` ('{' or '[') begins; false and an error when the next value
 * is another. The two names for it are inline because libjansson exports the same ones: a program
 * that links both must not hand it ours. */
bool json_enter(struct json *in, char opening);
static inline bool json_object(struct json *in) {
    return json_enter(in, '{');
}
static inline bool json_array(struct json *in) {
    return json_enter(in, '[');
}
/* Steps to the next member. *name is a slice, its escapes kept (see json_name()); false when the
 * object ended or an error stands. */
bool json_member(struct json *in, struct str *name);
bool json_item(struct json *in);                           /* likewise for an array */
bool json_value(struct json *in, struct json_value *value); /* the next value, whole */
bool json_skip(struct json *in);                           /* checks it and forgets it */
enum json_kind json_kind(struct json *in);                 /* of the next value, unread; by its
                                                              first byte, so a number is INT */
void json_close(struct json *in); /* nothing but white space may be left */

int json_err(const struct json *in) MUST_USE; /* notes "JSON: byte N: ..." when not 0 */
size_t json_pos(const struct json *in);       /* of the error, or of what comes next */

/* One whole text: 0 or as json_err(). *pos (NULL allowed) is where it went wrong. */
int json_check(struct str text, size_t *pos) MUST_USE;
/* One whole text of any kind into *value. */
int json_whole(struct str text, struct json_value *value) MUST_USE;

/* A STRING's content: a slice when it has no escapes, else unescaped in `arena`. A lone half of a
 * surrogate pair becomes '?', as in Spark. Of another kind: its raw text. */
struct str json_text(const struct json_value *value, struct arena *arena);
/* The same of a name out of json_member(). */
struct str json_name(struct str name, struct arena *arena);
/* Unescapes `body` (no quotes) into `to`, which has room for body.len; returns the length. */
size_t json_unescape(struct str body, char *to);

/* Checked numbers as values; false: not of that kind, or out of range (f64: never the latter). */
bool json_i64(const struct json_value *value, int64_t *out);
bool json_f64(const struct json_value *value, double *out);

#endif
