/* cass_url_test.c - addresses of clusters: what they say, and what is refused and how. */
#include "support/unit.h"

#include "base/err.h"
#include "store/cassandra/cass_ring.h"
#include "store/cassandra/cass_url.h"

static struct arena arena;

static int parse(const char *text, struct cass_url *out) {
    return cass_url_parse(str_of(text), NULL, 0, &arena, out);
}

static void everything_that_can_be_said_is_read(void **state UNUSED) {
    struct cass_url url;
    assert_int_equal(parse("cassandra://us%65r:p%40ss@n1,n2:9043,[::1]:7/?dc=east&keyspace=own&"
                           "consistency=each_quorum&rf=3&tls=chain&cafile=/ca.pem&compression=lz4&"
                           "protocol=4&timeout=2s&wait=1m&inflight=8", &url), 0);
    assert_int_equal(url.node_cnt, 3);
    assert_string_equal(url.node[0].host, "n1");
    assert_int_equal(url.node[0].port, 9042);
    assert_int_equal(url.node[1].port, 9043);
    assert_string_equal(url.node[2].host, "::1");
    assert_int_equal(url.node[2].port, 7);
    assert_true(str_eqz(url.user, "user") && str_eqz(url.password, "p@ss"));
    assert_true(str_eqz(url.dc, "east") && str_eqz(url.keyspace, "own"));
    assert_int_equal(url.consistency, 7);
    assert_int_equal(url.rf, 3);
    assert_true(url.tls && url.any_name && url.zip);
    assert_string_equal(url.ca_file, "/ca.pem");
    assert_int_equal(url.protocol, 4);
    assert_int_equal(url.timeout_us, 2000000);
    assert_int_equal(url.wait_us, 60000000);
    assert_int_equal(url.inflight, 8);
}

static void what_is_not_said_has_a_default(void **state UNUSED) {
    struct cass_url url;
    assert_int_equal(parse("cassandra://n1", &url), 0);
    assert_int_equal(url.consistency, 6); /* LOCAL_QUORUM */
    assert_true(str_eqz(url.keyspace, "sluice"));
    assert_null(url.dc.ptr);
    assert_null(url.user.ptr);
    assert_false(url.tls);
    assert_int_equal(url.protocol, 5);
}

static void properties_say_the_same_as_options(void **state UNUSED) {
    const struct address_property property[] = {{STR("dc"), STR("west")}, {STR("rf"), STR("2")}};
    struct cass_url url;
    assert_int_equal(cass_url_parse(STR("cassandra://n1"), property, 2, &arena, &url), 0);
    assert_true(str_eqz(url.dc, "west"));
    assert_int_equal(url.rf, 2);
}

static void mistakes_are_named_and_passwords_are_not(void **state UNUSED) {
    static const struct {
        const char *text, *part;
    } bad[] = {
        {"cassandra://", "names no host"},
        {"cassandra://n1:0/", "\"0\" is no port"},
        {"cassandra://n1:x/", "\"x\" is no port"},
        {"cassandra://,n2/", "names no node"},
        {"cassandra://user@n1/", "user:password"},
        {"cassandra://n1/?datacenter=a", "no option \"datacenter\""},
        {"cassandra://n1/?consistancy=ONE", "did you mean \"consistency\"?"},
        {"cassandra://n1/?consistency=MANY", "consistency=MANY"},
        {"cassandra://n1/?tls=maybe", "tls=maybe"},
        {"cassandra://n1/?timeout=5", "timeout=5"},
        {"cassandra://n1/?rf=0", "rf must be"},
        {"cassandra://n1/?inflight=99999", "inflight must be"},
        {"cassandra://n1/?protocol=3", "protocol must be"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct cass_url url;
        assert_int_equal(parse(bad[i].text, &url), ERR_CONFIG);
        if (!strstr(err_note(), bad[i].part))
            fail_msg("%s: '%s' is not in '%s'", bad[i].text, bad[i].part, err_note());
    }
    struct cass_url url;
    assert_int_equal(parse("cassandra://u:hunter22@n1:x/", &url), ERR_CONFIG);
    assert_null(strstr(err_note(), "hunter22"));
}

static void replicas_come_in_the_rings_order(void **state UNUSED) {
    struct cass_ring ring = {NULL, 0, 0};
    uint32_t host[8];
    assert_int_equal(cass_ring_walk(&ring, 5, host, 8), 0);
    cass_ring_add(&ring, 100, 2);
    cass_ring_add(&ring, -100, 0);
    cass_ring_add(&ring, 0, 1);
    cass_ring_add(&ring, 50, 1);
    cass_ring_sort(&ring);
    assert_int_equal(cass_ring_walk(&ring, 0, host, 8), 3); /* a token ends its range */
    assert_int_equal(host[0], 1);
    assert_int_equal(host[1], 2);
    assert_int_equal(host[2], 0);
    assert_int_equal(cass_ring_walk(&ring, 1, host, 1), 1);
    assert_int_equal(host[0], 1);
    assert_int_equal(cass_ring_walk(&ring, 101, host, 1), 1); /* around */
    assert_int_equal(host[0], 0);
    assert_int_equal(cass_ring_walk(&ring, INT64_MIN, host, 1), 1);
    assert_int_equal(host[0], 0);
    cass_ring_fini(&ring);
}

static int free_arena(void **state UNUSED) {
    arena_fini(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_that_can_be_said_is_read),
        cmocka_unit_test(what_is_not_said_has_a_default),
        cmocka_unit_test(properties_say_the_same_as_options),
        cmocka_unit_test(mistakes_are_named_and_passwords_are_not),
        cmocka_unit_test(replicas_come_in_the_rings_order),
    };
    return cmocka_run_group_tests(tests, NULL, free_arena);
}
