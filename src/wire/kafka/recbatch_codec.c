/* recbatch_codec.c - gzip, snappy, lz4 and zstd behind two functions.
 *
 * Unpacking goes by chunks into a buf that is asked for room only as output appears, so a bomb
 * costs no more memory than the limit it then hits. */
#include "wire/kafka/recbatch_codec.h"

#include "base/err.h"

#define ZLIB_CONST
#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#define CHUNK               (64 * KIB)
#define GZIP_WINDOW         31 /* 15 bits, with gzip's own head and tail */
#define XERIAL_HEAD         16
#define XERIAL_BLOCK        (32 * KIB)
#define ZSTD_WINDOW_LOG_MAX 26 /* a frame that asks for a larger window than 64 MiB is refused */

static const char xerial_magic[8] = {(char)0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};

static int bad(enum recbatch_codec codec, const char *why) {
    return err_fail(ERR_CORRUPT, "%s records do not decompress: %s", recbatch_codec_name(codec),
                    why ? why : "damaged");
}

static int full(size_t max) {
    return err_fail(ERR_TOO_BIG, "records grow past %zu bytes when decompressed", max);
}

const char *recbatch_codec_name(enum recbatch_codec codec) {
    static const char *const names[RECBATCH_CODEC_CNT] = {"none", "gzip", "snappy", "lz4", "zstd"};
    assert((unsigned)codec < RECBATCH_CODEC_CNT);
    return names[codec];
}

/* ---- packing ---- */

static int gzip_pack(struct str plain, struct buf *out) {
    z_stream z = {0};
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        return err_fail(ERR_INTERNAL, "zlib does not start");
    uLong bound = deflateBound(&z, (uLong)plain.len);
    struct buf temp;
    buf_init(&temp, bound);
    char *room = buf_room(&temp, bound);
    CHECK(room);
    z.next_in = (const Bytef *)plain.ptr;
    z.avail_in = (uInt)plain.len;
    z.next_out = (Bytef *)room;
    z.avail_out = (uInt)bound;
    CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
    buf_put(out, room, z.total_out);
    deflateEnd(&z);
    buf_fini(&temp);
    return 0;
}

static int snappy_pack(struct str plain, struct buf *out) {
    char block[XERIAL_BLOCK * 2];
    buf_put(out, xerial_magic, sizeof xerial_magic);
    buf_i32(out, 1);
    buf_i32(out, 1);
    for (size_t at = 0; at < plain.len; at += XERIAL_BLOCK) {
        size_t len = sizeof block, part = MIN(XERIAL_BLOCK, plain.len - at);
        CHECK(snappy_max_compressed_length(part) <= sizeof block);
        CHECK(snappy_compress(plain.ptr + at, part, block, &len) == SNAPPY_OK);
        buf_i32(out, (int32_t)len);
        buf_put(out, block, len);
    }
    return 0;
}

static int lz4_pack(struct str plain, struct buf *out) {
    LZ4F_preferences_t prefs = {0};
    prefs.frameInfo.blockMode = LZ4F_blockIndependent;
    prefs.frameInfo.blockSizeID = LZ4F_max64KB;
    size_t bound = LZ4F_compressFrameBound(plain.len, &prefs);
    char *temp = base_alloc(bound);
    size_t len = LZ4F_compressFrame(temp, bound, plain.ptr, plain.len, &prefs);
    CHECK(!LZ4F_isError(len));
    buf_put(out, temp, len);
    base_free(temp);
    return 0;
}

static int zstd_pack(struct str plain, struct buf *out) {
    size_t bound = ZSTD_compressBound(plain.len);
    char *temp = base_alloc(bound);
    size_t len = ZSTD_compress(temp, bound, plain.ptr, plain.len, 3);
    CHECK(!ZSTD_isError(len));
    buf_put(out, temp, len);
    base_free(temp);
    return 0;
}

int recbatch_codec_pack(enum recbatch_codec codec, struct str plain, struct buf *out) {
    int err = 0;
    assert(plain.len <= RECBATCH_MAX);
    switch (codec) {
    case RECBATCH_NONE: buf_puts(out, plain); break;
    case RECBATCH_GZIP: err = gzip_pack(plain, out); break;
    case RECBATCH_SNAPPY: err = snappy_pack(plain, out); break;
    case RECBATCH_LZ4: err = lz4_pack(plain, out); break;
    case RECBATCH_ZSTD: err = zstd_pack(plain, out); break;
    case RECBATCH_CODEC_CNT: NEVER();
    }
    if (!err && out->full)
        err = err_fail(ERR_TOO_BIG, "%zu compressed bytes do not fit", plain.len);
    return err;
}

/* ---- unpacking ---- */

static int gzip_unpack(struct str packed, struct buf *out) {
    z_stream z = {0};
    if (inflateInit2(&z, GZIP_WINDOW) != Z_OK) return err_fail(ERR_INTERNAL, "zlib does not start");
    z.next_in = (const Bytef *)packed.ptr;
    z.avail_in = (uInt)packed.len;
    int rc = Z_OK, err = 0;
    while (!err && rc == Z_OK) {
        size_t len = MIN(CHUNK, out->max - out->len);
        char *room = len ? buf_room(out, len) : NULL;
        if (!room) {
            err = full(out->max);
            break;
        }
        z.next_out = (Bytef *)room;
        z.avail_out = (uInt)len;
        rc = inflate(&z, Z_NO_FLUSH);
        buf_used(out, len - z.avail_out);
        if (rc != Z_OK && rc != Z_STREAM_END) err = bad(RECBATCH_GZIP, z.msg);
    }
    inflateEnd(&z);
    return err;
}

/* One raw block; its own head says how long it gets, and that is a claim from outside. */
static int snappy_block(struct str packed, struct buf *out) {
    size_t len = 0;
    if (snappy_uncompressed_length(packed.ptr, packed.len, &len) != SNAPPY_OK)
        return bad(RECBATCH_SNAPPY, "no length");
    if (len > out->max - out->len) return full(out->max);
    if (len > packed.len * 64 + 64) return bad(RECBATCH_SNAPPY, "impossible length");
    char *room = buf_room(out, MAX(len, (size_t)1));
    if (!room) return full(out->max);
    if (snappy_uncompress(packed.ptr, packed.len, room, &len) != SNAPPY_OK)
        return bad(RECBATCH_SNAPPY, NULL);
    buf_used(out, len);
    return 0;
}

static int snappy_unpack(struct str packed, struct buf *out) {
    if (packed.len < XERIAL_HEAD || memcmp(packed.ptr, xerial_magic, sizeof xerial_magic) != 0)
        return snappy_block(packed, out);
    struct rbuf in = rbuf_of_str(packed);
    rbuf_skip(&in, XERIAL_HEAD);
    while (rbuf_left(&in)) {
        int32_t len = rbuf_i32(&in);
        if (len < 0) rbuf_fail(&in);
        struct str block = rbuf_bytes(&in, (size_t)MAX(len, 0));
        if (in.bad) return bad(RECBATCH_SNAPPY, "a block is cut short");
        int err = snappy_block(block, out);
        if (err) return err;
    }
    return 0;
}

static int lz4_unpack(struct str packed, struct buf *out) {
    LZ4F_dctx *ctx = NULL;
    CHECK(!LZ4F_isError(LZ4F_createDecompressionContext(&ctx, LZ4F_VERSION)));
    size_t hint = 1;
    int err = 0;
    while (!err && hint) {
        size_t len = MIN(CHUNK, out->max - out->len), got = packed.len;
        char *room = len ? buf_room(out, len) : NULL;
        if (!room) {
            err = full(out->max);
            break;
        }
        hint = LZ4F_decompress(ctx, room, &len, packed.ptr, &got, NULL);
        if (LZ4F_isError(hint))
            err = bad(RECBATCH_LZ4, LZ4F_getErrorName(hint));
        else if (!len && !got)
            err = bad(RECBATCH_LZ4, "cut short");
        if (err) break;
        buf_used(out, len);
        packed.ptr += got;
        packed.len -= got;
    }
    LZ4F_freeDecompressionContext(ctx);
    return err;
}

static int zstd_unpack(struct str packed, struct buf *out) {
    ZSTD_DCtx *ctx = ZSTD_createDCtx();
    CHECK(ctx);
    ZSTD_DCtx_setParameter(ctx, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
    ZSTD_inBuffer in = {packed.ptr, packed.len, 0};
    size_t hint = 1;
    int err = 0;
    while (!err && (hint || in.pos < in.size)) {
        size_t len = MIN(CHUNK, out->max - out->len), was = in.pos;
        char *room = len ? buf_room(out, len) : NULL;
        if (!room) {
            err = full(out->max);
            break;
        }
        ZSTD_outBuffer part = {room, len, 0};
        hint = ZSTD_decompressStream(ctx, &part, &in);
        if (ZSTD_isError(hint))
            err = bad(RECBATCH_ZSTD, ZSTD_getErrorName(hint));
        else if (!part.pos && in.pos == was && hint)
            err = bad(RECBATCH_ZSTD, "cut short");
        if (!err) buf_used(out, part.pos);
    }
    ZSTD_freeDCtx(ctx);
    return err;
}

int recbatch_codec_unpack(enum recbatch_codec codec, struct str packed, struct buf *out) {
    size_t max = out->max, cap = RECBATCH_RATIO_FREE + packed.len * RECBATCH_RATIO_MAX;
    int err = 0;
    if (packed.len > RECBATCH_MAX) return full(RECBATCH_MAX);
    out->max = MIN(max, out->len + MIN(cap, RECBATCH_PLAIN_MAX));
    switch (codec) {
    case RECBATCH_NONE:
        buf_puts(out, packed);
        if (out->full) err = full(out->max);
        break;
    case RECBATCH_GZIP: err = gzip_unpack(packed, out); break;
    case RECBATCH_SNAPPY: err = snappy_unpack(packed, out); break;
    case RECBATCH_LZ4: err = lz4_unpack(packed, out); break;
    case RECBATCH_ZSTD: err = zstd_unpack(packed, out); break;
    case RECBATCH_CODEC_CNT: NEVER();
    }
    out->max = max;
    return err;
}
