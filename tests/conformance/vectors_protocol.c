/* docs/vectors/protocol-v1.json, case by case: samples and payloads. The check in the head of a message is BLAKE2b,
 * which is not the core's: tests/protocol/test_protocol_vectors.py has it. */
#include <stdlib.h>
#include <string.h>

#include "conformance.h"

static void check_case(vectors *v, double *p, double *q, int64_t n) {
    const pc_row p_row = {(const char *)p, 8, n, PC_F64}, q_row = {(const char *)q, 8, n, PC_F64};
    const pc_draw draw = field_key(v);
    conversation c;
    vectors_check(v, converse(&p_row, &q_row, &draw, (int)field_int(v, "rounds"), &c) == PC_OK, "a status");
    vectors_check(v, c.a == field_int(v, "a"), "Alice's sample");
    vectors_check(v, c.b == field_int(v, "b"), "Bob's sample");
    vectors_check(v, c.how && field_is(v, "how", c.how), "how Bob came by it");
    const char *at = strchr(field(v, "messages"), '"');
    for (int m = 0; m < c.messages && at; m++) {
        const char *hex = at + 1 + 2 * (m < 2 ? 9 : 4);
        int right = 1;
        for (int i = 0; i < c.bytes[m] && right; i++, hex += 2) {
            const char two[] = {hex[0], hex[1], 0};
            right = strtoul(two, NULL, 16) == c.payload[m][i];
        }
        vectors_check(v, right && *hex == '"', "a message");
        at = strchr(hex, '"') + 1; /* behind this message */
        at = *at == ',' ? at + 2 : NULL;
        vectors_check(v, (m == c.messages - 1) == !at, "the number of messages");
    }
    conversation_free(&c);
    free(p);
    free(q);
}

static void check_near(vectors *v, const char *section) {
    for (vectors_section(v, section); vectors_next(v);) {
        double *p = uniform_powers(5, 8, 1, 0), *q = uniform_powers(5, 8, 1, 0);
        p[0] += field_double(v, "move");
        check_case(v, p, q, 8);
    }
}

void check_protocol(vectors *v) {
    for (vectors_section(v, "conversations"); vectors_next(v);) {
        const uint64_t seed = field_key(v).seed;
        const int64_t n = field_int(v, "n"), zero = field_int(v, "zero");
        double *p = uniform_powers(seed, n, (int)field_int(v, "power_p"), 0);
        double *q = uniform_powers(seed ^ 1, n, (int)field_int(v, "power_q"), 0);
        for (int64_t i = 0; zero && i < n; i += zero)
            q[i] = 0;
        check_case(v, p, q, n);
    }
    check_near(v, "long_conversations");
    check_near(v, "failing_conversations");
    for (vectors_section(v, "rare_names"); vectors_next(v);) {
        const int64_t n = field_int(v, "n");
        double *p = uniform_powers(6, n, 0, 0), *q = uniform_powers(6, n, n < 10, 0);
        for (int64_t i = 0; n >= 10 && i < n; i++)
            q[i] = (double)(i % 2);
        check_case(v, p, q, n);
    }
}
