/* person.c - from random numbers to a record of the API's shape.
 *
 * Every field draws from a generator of its own, seeded by (seed, person, field): splitmix64. What
 * several fields share - the nation, the name, the gender - is drawn first, from field 15. */
#include "source/people/person.h"

#include "base/civil.h"

#include <openssl/evp.h>
#include <pthread.h>

#define YEAR_US   INT64_C(31556952000000)
#define DOB_FIRST (INT64_C(-852076800) * 1000000) /* 1943-01-01 */
#define DOB_YEARS 58
#define REG_FIRST (INT64_C(1009843200) * 1000000) /* 2002-01-01 */
#define REG_YEARS 20

struct rng {
    uint64_t state;
};

struct person {
    const struct people_query *query;
    const struct nation *nation;
    bool male;
    struct str first, last;
    uint64_t seed;
    int64_t now_us;
};

static uint64_t next(struct rng *rng) {
    uint64_t z = rng->state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static uint32_t below(struct rng *rng, uint32_t limit) {
    return (uint32_t)((next(rng) >> 32) * limit >> 32);
}

static struct rng rng_of(uint64_t seed, unsigned field) {
    struct rng rng = {seed + field * 0xD1342543DE82EF95u};
    next(&rng);
    return rng;
}

static struct str pick(struct rng *rng, const struct nation_list *list) {
    return list->item[below(rng, list->cnt)];
}

static void put_member(struct buf *out, const char *name) {
    buf_putc(out, '"');
    buf_putz(out, name);
    buf_putz(out, "\":");
}

static void put_text(struct buf *out, const char *name, struct str value) {
    put_member(out, name);
    buf_json(out, value);
}

/* '#' a digit, 'X' a capital; the first digit is not 0 where the text would be a number. */
static void put_pattern(struct buf *out, struct rng *rng, const char *pattern, bool number) {
    for (const char *at = pattern; *at; at++) {
        if (*at == '#') buf_putc(out, (char)('0' + (number && at == pattern
                                                        ? 1 + below(rng, 9) : below(rng, 10))));
        else buf_putc(out, *at == 'X' ? (char)('A' + below(rng, 26)) : *at);
    }
}

static void put_hex(struct buf *out, const unsigned char *bytes, size_t len) {
    static const char digit[] = "0123456789abcdef";
    char *to = buf_room(out, 2 * len);
    if (!to) return;
    for (size_t i = 0; i < len; i++) {
        to[2 * i] = digit[bytes[i] >> 4];
        to[2 * i + 1] = digit[bytes[i] & 15];
    }
    buf_used(out, 2 * len);
}

/* ---- fields ---- */

static void put_name(struct buf *out, const struct person *person, struct rng *rng) {
    static const char *const women[] = {"Ms", "Mrs", "Miss"};
    const char *title = person->male ? "Mr" : women[below(rng, 3)];
    buf_putc(out, '{');
    put_text(out, "title", str_of(title));
    buf_putc(out, ',');
    put_text(out, "first", person->first);
    buf_putc(out, ',');
    put_text(out, "last", person->last);
    buf_putc(out, '}');
}

/* Ten-thousandths of a degree, with four decimals. */
static void put_degrees(struct buf *out, int parts) {
    int size = parts < 0 ? -parts : parts, frac = size % 10000;
    if (parts < 0) buf_putc(out, '-');
    buf_dec(out, size / 10000);
    buf_putc(out, '.');
    for (int unit = 1000; unit > 0; unit /= 10) buf_putc(out, (char)('0' + frac / unit % 10));
}

static void put_location(struct buf *out, const struct person *person, struct rng *rng) {
    static const struct {
        const char *offset, *what;
    } zones[] = {{"-8:00", "Pacific Time (US & Canada)"}, {"-5:00", "Eastern Time (US & Canada)"},
                 {"-3:00", "Brazil, Buenos Aires"},       {"0:00", "Western Europe Time, London"},
                 {"+1:00", "Brussels, Madrid, Paris"},    {"+2:00", "Kaliningrad, South Africa"},
                 {"+3:00", "Baghdad, Riyadh, Moscow"},    {"+8:00", "Beijing, Perth, Singapore"},
                 {"+10:00", "Eastern Australia, Guam"},   {"+12:00", "Auckland, Fiji"}};
    const struct nation *nation = person->nation;
    uint32_t zone = below(rng, ARRAY_LEN(zones));
    buf_putz(out, "{\"street\":{\"number\":");
    buf_dec(out, 1 + below(rng, 9999));
    buf_putc(out, ',');
    put_text(out, "name", pick(rng, &nation->street));
    buf_putz(out, "},");
    put_text(out, "city", pick(rng, &nation->city));
    buf_putc(out, ',');
    put_text(out, "state", pick(rng, &nation->state));
    buf_putc(out, ',');
    put_text(out, "country", str_of(nation->country));
    buf_putz(out, ",\"postcode\":");
    if (nation->postcode_text) buf_putc(out, '"');
    put_pattern(out, rng, nation->postcode, !nation->postcode_text);
    if (nation->postcode_text) buf_putc(out, '"');
    uint32_t lat = below(rng, 1800000), lon = below(rng, 3600000);
    buf_putz(out, ",\"coordinates\":{\"latitude\":\"");
    put_degrees(out, (int)lat - 900000);
    buf_putz(out, "\",\"longitude\":\"");
    put_degrees(out, (int)lon - 1800000);
    buf_putz(out, "\"},\"timezone\":{");
    put_text(out, "offset", str_of(zones[zone].offset));
    buf_putc(out, ',');
    put_text(out, "description", str_of(zones[zone].what));
    buf_putz(out, "}}");
}

/* Lower-case ASCII letters of a name; a letter with a mark loses it, others are left out. */
static void put_plain(struct buf *out, struct str name) {
    static const char *const marked[] = {"aáàâäãå", "cçć", "eéèêë", "gğ", "iíìîïı", "nñ",
                                         "oóòôöõø", "sşš", "uúùûü", "yýÿ", "zž"};
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c >= 'A' && c <= 'Z') c = (char)(c + 32);
        if (c >= 'a' && c <= 'z') buf_putc(out, c);
        if ((unsigned char)c < 0xC2 || i + 1 == name.len) continue;
        char two[3] = {c, name.ptr[i + 1], 0};
        if ((unsigned char)c == 0xC3 && (unsigned char)two[1] < 0x9F)
            two[1] = (char)(two[1] + 0x20); /* Latin-1 capitals stand 32 before the small ones */
        for (size_t m = 0; m < ARRAY_LEN(marked); m++)
            if (strstr(marked[m] + 1, two)) buf_putc(out, marked[m][0]);
        i++;
    }
}

static void put_email(struct buf *out, const struct person *person) {
    buf_putc(out, '"');
    put_plain(out, person->first);
    buf_putc(out, '.');
    put_plain(out, person->last);
    buf_putz(out, "@example.com\"");
}

static void put_password(struct buf *out, const struct people_query *query, struct rng *rng) {
    static const char *const sets[] = {"!#%&()*+,-./:;<=>?@[]^_{|}~", "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                                       "abcdefghijklmnopqrstuvwxyz", "0123456789"};
    static const char *const words[] = {"river", "copper", "walnut", "thunder", "pepper", "comet",
                                        "falcon", "marble", "velvet", "harbor", "tiger", "lantern"};
    if (!query->pass_sets) {
        buf_putz(out, words[below(rng, ARRAY_LEN(words))]);
        buf_dec(out, below(rng, 10000));
        return;
    }
    uint32_t len = query->pass_min + below(rng, query->pass_max - query->pass_min + 1);
    while (len > 0) {
        uint32_t set = below(rng, 4);
        if (!(query->pass_sets & 1u << set)) continue;
        buf_putc(out, sets[set][below(rng, (uint32_t)strlen(sets[set]))]);
        len--;
    }
}

/* The hash algorithms, looked up once: looking one up costs more than using it. */
static const EVP_MD *digests[3];
static pthread_once_t digests_once = PTHREAD_ONCE_INIT;
static pthread_key_t digest_ctx; /* a thread's own, freed with it */

static void free_ctx(void *ctx) {
    EVP_MD_CTX_free(ctx);
}

static void find_digests(void) {
    static const char *const names[] = {"MD5", "SHA1", "SHA256"};
    CHECK(pthread_key_create(&digest_ctx, free_ctx) == 0);
    for (size_t i = 0; i < 3; i++) CHECK((digests[i] = EVP_MD_fetch(NULL, names[i], NULL)));
}

static void put_hashes(struct buf *out, struct str text) {
    static const char *const names[] = {"md5", "sha1", "sha256"};
    pthread_once(&digests_once, find_digests);
    EVP_MD_CTX *ctx = pthread_getspecific(digest_ctx);
    if (!ctx) CHECK((ctx = EVP_MD_CTX_new()) && pthread_setspecific(digest_ctx, ctx) == 0);
    for (size_t i = 0; i < 3; i++) {
        unsigned char hash[EVP_MAX_MD_SIZE];
        unsigned len = 0;
        CHECK(EVP_DigestInit_ex2(ctx, digests[i], NULL) &&
              EVP_DigestUpdate(ctx, text.ptr, text.len) && EVP_DigestFinal_ex(ctx, hash, &len));
        buf_putc(out, ',');
        put_member(out, names[i]);
        buf_putc(out, '"');
        put_hex(out, hash, len);
        buf_putc(out, '"');
    }
}

static void put_login(struct buf *out, const struct person *person, struct rng *rng) {
    static const char *const moods[] = {"happy", "silver", "brown", "lazy", "quick", "tiny",
                                        "proud",
                                        "golden", "calm", "wild", "green", "brave"};
    static const char *const beasts[] = {"otter", "panda", "wolf", "swan", "koala", "tiger", "lion",
                                         "heron", "badger", "crow", "moose", "lynx"};
    static const char salts[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    unsigned char id[16];
    uint64_t half[2] = {next(rng), next(rng)};
    memcpy(id, half, sizeof id);
    id[6] = (unsigned char)((id[6] & 0x0F) | 0x40);
    id[8] = (unsigned char)((id[8] & 0x3F) | 0x80);
    buf_putz(out, "{\"uuid\":\"");
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) buf_putc(out, '-');
        put_hex(out, &id[i], 1);
    }
    buf_putz(out, "\",\"username\":\"");
    buf_putz(out, moods[below(rng, 12)]);
    buf_putz(out, beasts[below(rng, 12)]);
    put_pattern(out, rng, "###", false);
    buf_putz(out, "\",\"password\":");
    struct buf secret;
    char salt[9] = "";
    buf_init(&secret, 256);
    put_password(&secret, person->query, rng);
    buf_json(out, buf_str(&secret));
    for (size_t i = 0; i < 8; i++) salt[i] = salts[below(rng, sizeof salts - 1)];
    buf_putc(out, ',');
    put_text(out, "salt", str_of(salt));
    buf_putz(&secret, salt);
    put_hashes(out, buf_str(&secret));
    buf_putc(out, '}');
    buf_fini(&secret);
}

static void put_moment(struct buf *out, struct rng *rng, int64_t first_us, int64_t years,
                       int64_t now_us) {
    int64_t us = first_us + (int64_t)(next(rng) % (uint64_t)(years * YEAR_US)) / 1000 * 1000;
    buf_putz(out, "{\"date\":\"");
    civil_format(us, true, out);
    buf_putz(out, "\",\"age\":");
    buf_dec(out, (now_us - us) / YEAR_US);
    buf_putc(out, '}');
}

static void put_id(struct buf *out, const struct person *person, struct rng *rng) {
    buf_putc(out, '{');
    put_text(out, "name", str_of(person->nation->id_name));
    buf_putz(out, ",\"value\":");
    if (!*person->nation->id) {
        buf_putz(out, "null}");
        return;
    }
    buf_putc(out, '"');
    put_pattern(out, rng, person->nation->id, false);
    buf_putz(out, "\"}");
}

static void put_picture(struct buf *out, const struct person *person, struct rng *rng) {
    static const char *const sizes[][2] = {
        {"large", ""}, {"medium", "med/"}, {"thumbnail", "thumb/"}};
    uint32_t number = below(rng, 100);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        buf_putc(out, i ? ',' : '{');
        put_member(out, sizes[i][0]);
        buf_putz(out, "\"https://randomuser.me/api/portraits/");
        buf_putz(out, sizes[i][1]);
        buf_putz(out, person->male ? "men/" : "women/");
        buf_dec(out, number);
        buf_putz(out, ".jpg\"");
    }
    buf_putc(out, '}');
}

static void put_field(struct buf *out, const struct person *person, enum people_field field) {
    struct rng rng = rng_of(person->seed, field);
    const struct nation *nation = person->nation;
    switch (field) {
    case PEOPLE_GENDER: buf_putz(out, person->male ? "\"male\"" : "\"female\""); break;
    case PEOPLE_NAME: put_name(out, person, &rng); break;
    case PEOPLE_LOCATION: put_location(out, person, &rng); break;
    case PEOPLE_EMAIL: put_email(out, person); break;
    case PEOPLE_LOGIN: put_login(out, person, &rng); break;
    case PEOPLE_DOB: put_moment(out, &rng, DOB_FIRST, DOB_YEARS, person->now_us); break;
    case PEOPLE_REGISTERED: put_moment(out, &rng, REG_FIRST, REG_YEARS, person->now_us); break;
    case PEOPLE_PHONE:
    case PEOPLE_CELL:
        buf_putc(out, '"');
        put_pattern(out, &rng, field == PEOPLE_CELL ? nation->cell : nation->phone, false);
        buf_putc(out, '"');
        break;
    case PEOPLE_ID: put_id(out, person, &rng); break;
    case PEOPLE_PICTURE: put_picture(out, person, &rng); break;
    case PEOPLE_NAT: buf_json(out, str_of(nation->code)); break;
    case PEOPLE_FIELD_CNT: NEVER();
    }
}

/* The i-th nation of those asked for. */
static const struct nation *pick_nation(struct rng *rng, uint32_t nats) {
    uint32_t want = below(rng, (uint32_t)__builtin_popcount(nats));
    for (uint32_t i = 0;; i++)
        if (nats & 1u << i && want-- == 0) return nation_get(i);
}

void person_write(const struct people_query *query, uint64_t seed, uint32_t number, int64_t now_us,
                  struct buf *out) {
    static const char *const names[PEOPLE_FIELD_CNT] = {
        "gender", "name", "location", "email", "login", "dob",
        "registered", "phone", "cell", "id", "picture", "nat"};
    struct rng rng = {seed ^ (uint64_t)number * 0x9E3779B97F4A7C15u};
    struct person person = {.query = query, .seed = next(&rng), .now_us = now_us};
    rng = rng_of(person.seed, 15);
    person.nation = pick_nation(&rng, query->nats);
    person.male = below(&rng, 2) == 0;
    if (query->gender) person.male = query->gender == 1;
    person.first = pick(&rng, person.male ? &person.nation->male : &person.nation->female);
    person.last = pick(&rng, &person.nation->last);
    bool first = true;
    buf_putc(out, '{');
    for (int field = 0; field < PEOPLE_FIELD_CNT; field++) {
        if (!(query->fields & 1u << field)) continue;
        if (!first) buf_putc(out, ',');
        put_member(out, names[field]);
        put_field(out, &person, (enum people_field)field);
        first = false;
    }
    buf_putc(out, '}');
}
