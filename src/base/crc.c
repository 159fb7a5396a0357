/* crc.c - CRC-32C by instruction or by table; the choice is made once. */
#include "base/crc.h"

#include <pthread.h>

#define POLY 0x82F63B78u /* 0x1EDC6F41 reflected */

static uint32_t table[256];
static uint32_t (*run)(uint32_t crc, const unsigned char *ptr, size_t len);
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint32_t run_table(uint32_t crc, const unsigned char *ptr, size_t len) {
    while (len--) crc = table[(crc ^ *ptr++) & 255] ^ crc >> 8;
    return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t run_sse(uint32_t crc, const unsigned char *ptr,
                                                          size_t len) {
    uint64_t wide = crc;
    for (; len >= 8; ptr += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, ptr, 8);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    while (len--) crc = __builtin_ia32_crc32qi(crc, *ptr++);
    return crc;
}
#endif

static void choose(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? POLY : 0);
        table[i] = crc;
    }
    run = run_table;
#ifdef __x86_64__
    if (__builtin_cpu_supports("sse4.2")) run = run_sse;
#endif
}

uint32_t crc_32c_more(uint32_t crc, const void *ptr, size_t len) {
    pthread_once(&once, choose);
    return ~run(~crc, ptr, len);
}

uint32_t crc_32c(const void *ptr, size_t len) {
    return crc_32c_more(0, ptr, len);
}
