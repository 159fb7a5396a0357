/* fn_digest.c - digests, hashes, encodings: md5, sha, crc32, hash, base64, hex, URLs' escapes. */
#include <openssl/evp.h>
#include <zlib.h>

#include "base/b64.h"
#include "stream/op/chars.h"
#include "stream/op/func_table.h"
#include "stream/op/hash.h"

static const char lower_hex[] = "0123456789abcdef", upper_hex[] = "0123456789ABCDEF";

static size_t put_hex(struct str bytes, const char *digit, char *to) {
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        to[2 * i] = digit[c >> 4];
        to[2 * i + 1] = digit[c & 15];
    }
    return bytes.len * 2;
}

/* ---- digests ---- */

static void digest_row(struct func_ctx *ctx, uint32_t row, struct str bytes, const EVP_MD *method,
                       struct vec *out) {
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    char *to = func_room(ctx, row, 2 * EVP_MAX_MD_SIZE);
    if (!to) return;
    if (!EVP_Digest(bytes.ptr, bytes.len, sum, &len, method, NULL)) {
        func_error(ctx, row, "this digest is switched off in the system's OpenSSL");
        return;
    }
    out->str[row] = (struct str){to, put_hex((struct str){(char *)sum, len}, lower_hex, to)};
}

EVAL(eval_md5) {
    FUNC_EACH(ctx, row) digest_row(ctx, row, func_str(arg[0], row), EVP_md5(), out);
    return 0;
}

EVAL(eval_sha1) {
    FUNC_EACH(ctx, row) digest_row(ctx, row, func_str(arg[0], row), EVP_sha1(), out);
    return 0;
}

EVAL(eval_sha2) {
    FUNC_EACH(ctx, row) {
        const EVP_MD *method = NULL;
        switch (func_i32(arg[1], row)) {
        case 224: method = EVP_sha224(); break;
        case 0:
        case 256: method = EVP_sha256(); break;
        case 384: method = EVP_sha384(); break;
        case 512: method = EVP_sha512(); break;
        default: break;
        }
        if (method) digest_row(ctx, row, func_str(arg[0], row), method, out);
        else func_null(ctx, out, row);
    }
    return 0;
}

EVAL(eval_crc32) {
    FUNC_EACH(ctx, row) {
        struct str bytes = func_str(arg[0], row);
        out->i64[row] = (int64_t)crc32_z(0, (const unsigned char *)bytes.ptr, bytes.len);
    }
    return 0;
}

/* ---- hashes ---- */

static bool has_map(const struct type *type) {
    if (type->kind == TYPE_ARRAY) return has_map(type->item);
    for (uint32_t i = 0; type->kind == TYPE_STRUCT && i < type->field_cnt; i++)
        if (has_map(type->field[i].type)) return true;
    return type->kind == TYPE_MAP;
}

static int types_hash(struct func_call *call) {
    for (uint32_t i = 0; i < call->arg_cnt; i++)
        if (has_map(call->arg[i].type))
            return func_wrong(call, i, "a MAP has no hash: the order of its entries is not fixed");
    return 0;
}

EVAL(eval_hash) {
    FUNC_EACH(ctx, row) {
        uint32_t hash = HASH_SEED;
        for (uint32_t i = 0; i < ctx->arg_cnt; i++) hash = hash_murmur(arg[i], row, hash);
        out->i32[row] = (int32_t)hash;
    }
    return 0;
}

EVAL(eval_xxhash64) {
    FUNC_EACH(ctx, row) {
        uint64_t hash = HASH_SEED;
        for (uint32_t i = 0; i < ctx->arg_cnt; i++) hash = hash_xx(arg[i], row, hash);
        out->i64[row] = (int64_t)hash;
    }
    return 0;
}

/* ---- base64, hex ---- */

EVAL(eval_base64) {
    FUNC_EACH(ctx, row) {
        struct str bytes = func_str(arg[0], row);
        char *to = func_room(ctx, row, B64_LEN(bytes.len));
        if (to) out->str[row] = (struct str){to, b64_encode(bytes, to)};
    }
    return 0;
}

/* Java's MIME decoder passes over what is not in the alphabet, and minds only a last unit that is
 * cut in the wrong place. */
static bool mime_decode(struct str text, char *to, size_t *len) {
    char *plain = to + text.len;
    size_t cnt = 0, pad = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool letter = (unsigned char)((c | 0x20) - 'a') < 26 || (unsigned char)(c - '0') < 10;
        letter = letter || c == '+' || c == '/';
        if (letter && pad) return false;
        if (letter) plain[cnt++] = (char)c;
        else if (c == '=') pad = 1;
    }
    if (pad && cnt % 4 == 0) return false;
    return b64_decode((struct str){plain, cnt}, true, to, len);
}

EVAL(eval_unbase64) {
    FUNC_EACH(ctx, row) {
        struct str text = func_str(arg[0], row);
        size_t len;
        char *to = func_room(ctx, row, text.len * 2 + 4);
        if (!to) continue;
        if (mime_decode(text, to, &len)) out->str[row] = (struct str){to, len};
        else func_error(ctx, row, "the text is not base64");
    }
    return 0;
}

EVAL(eval_hex_num) {
    FUNC_EACH(ctx, row) {
        uint64_t left = (uint64_t)func_i64(arg[0], row);
        char *to = func_room(ctx, row, 16), *at = to + 16;
        if (!to) continue;
        do *--at = upper_hex[left & 15];
        while (left >>= 4);
        out->str[row] = (struct str){at, (size_t)(to + 16 - at)};
    }
    return 0;
}

EVAL(eval_hex) {
    FUNC_EACH(ctx, row) {
        struct str bytes = func_str(arg[0], row);
        char *to = func_room(ctx, row, bytes.len * 2);
        if (to) out->str[row] = (struct str){to, put_hex(bytes, upper_hex, to)};
    }
    return 0;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* An odd count of digits begins with half a byte; another character makes NULL. */
EVAL(eval_unhex) {
    FUNC_EACH(ctx, row) {
        struct str text = func_str(arg[0], row);
        char *to = func_room(ctx, row, text.len / 2 + 1);
        if (!to) continue;
        size_t len = 0;
        int high = text.len % 2 ? 0 : -1;
        for (size_t i = 0; i < text.len; i++) {
            int value = hex_value(text.ptr[i]);
            if (value < 0) {
                func_null(ctx, out, row);
                break;
            }
            if (high < 0) {
                high = value;
            } else {
                to[len++] = (char)(high << 4 | value);
                high = -1;
            }
        }
        out->str[row] = (struct str){to, len};
    }
    return 0;
}

/* ---- escapes of URLs ---- */

EVAL(eval_url_encode) {
    FUNC_EACH(ctx, row) {
        struct str text = func_str(arg[0], row);
        char *to = func_room(ctx, row, text.len * 3);
        if (!to) continue;
        char *start = to;
        for (size_t i = 0; i < text.len; i++) {
            unsigned char c = (unsigned char)text.ptr[i];
            bool letter = (unsigned char)((c | 0x20) - 'a') < 26 || (unsigned char)(c - '0') < 10;
            if (letter || (c && strchr("-_.*", c))) {
                *to++ = (char)c;
            } else if (c == ' ') {
                *to++ = '+';
            } else {
                *to++ = '%';
                *to++ = upper_hex[c >> 4];
                *to++ = upper_hex[c & 15];
            }
        }
        out->str[row] = func_trim(ctx, start, to);
    }
    return 0;
}

static bool url_decode(struct str text, char *to, size_t *len) {
    *len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            if (text.len - i < 3) return false;
            int high = hex_value(text.ptr[i + 1]), low = hex_value(text.ptr[i + 2]);
            if (high < 0 || low < 0) return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        to[(*len)++] = c;
    }
    return true;
}

EVAL(eval_url_decode) {
    FUNC_EACH(ctx, row) {
        struct str text = func_str(arg[0], row);
        size_t len;
        char *to = func_room(ctx, row, text.len);
        if (!to) continue;
        if (url_decode(text, to, &len)) out->str[row] = (struct str){to, len};
        else
            func_error(ctx, row, "[CANNOT_DECODE_URL] the URL '%.*s' has a %% that two "
                       "hexadecimal digits do not follow", (int)MIN(text.len, 100), text.ptr);
    }
    return 0;
}

const struct func fn_digest[] = {
    {"md5", "x:s", eval_md5, 0, NULL, NULL},
    {"sha", "x:s", eval_sha1, 0, NULL, NULL},
    {"sha1", "x:s", eval_sha1, 0, NULL, NULL},
    {"sha2", "xi:s", eval_sha2, 0, NULL, NULL},
    {"crc32", "x:l", eval_crc32, 0, NULL, NULL},
    {"hash", "aa*:i", eval_hash, FUNC_NULLS, types_hash, NULL},
    {"xxhash64", "aa*:l", eval_xxhash64, FUNC_NULLS, types_hash, NULL},
    {"base64", "x:s", eval_base64, 0, NULL, NULL},
    {"unbase64", "s:x", eval_unbase64, 0, NULL, NULL},
    {"hex", "l:s", eval_hex_num, 0, NULL, NULL},
    {"hex", "x:s", eval_hex, 0, NULL, NULL},
    {"hex", "s:s", eval_hex, 0, NULL, NULL},
    {"unhex", "s:x", eval_unhex, 0, NULL, NULL},
    {"url_encode", "s:s", eval_url_encode, 0, NULL, NULL},
    {"url_decode", "s:s", eval_url_decode, 0, NULL, NULL},
    {"try_url_decode", "s:s", eval_url_decode, FUNC_TRY, NULL, NULL},
    {NULL, NULL, NULL, 0, NULL, NULL},
};
