/* The draws of README.md: two parties with different distributions and one seed; and one row of logits.
 *
 *     cc draw.c $(pkg-config --cflags --libs pycouple) -o draw && ./draw
 *
 * docs/guides/c.md says how the library is built and found. */
#include <pycouple.h>
#include <stdio.h>
#include <stdlib.h>

enum { ITEMS = 4, STEPS = 100000, SHOWN = 20 };

static void check(int status) {
    if (status == PYCOUPLE_OK)
        return;
    fprintf(stderr, "draw: %s\n", pycouple_strerror(status));
    exit(1);
}

/* One row under many steps: the row stride is 0. */
static void draw_all(const double *weights, const uint64_t *seeds, const uint64_t *steps, int64_t *items) {
    check(pycouple_sample_weights_rows(weights, PYCOUPLE_FLOAT64, STEPS, ITEMS, 0, sizeof *weights, seeds, steps, 0, 0,
                                       1, items, NULL));
}

static void show(const char *name, const int64_t *items) {
    printf("%s", name);
    for (int i = 0; i < SHOWN; i++)
        printf(" %lld", (long long)items[i]);
    printf("\n");
}

int main(void) {
    static const double p[ITEMS] = {0.50, 0.30, 0.20, 0.00}, q[ITEMS] = {0.40, 0.35, 0.15, 0.10};
    static uint64_t seeds[STEPS], steps[STEPS];
    static int64_t alice[STEPS], bob[STEPS];
    for (int i = 0; i < STEPS; i++) {
        seeds[i] = 7;
        steps[i] = (uint64_t)i;
    }
    draw_all(p, seeds, steps, alice);
    draw_all(q, seeds, steps, bob);
    int equal = 0;
    for (int i = 0; i < STEPS; i++)
        equal += alice[i] == bob[i];
    show("alice", alice);
    show("bob", bob);
    printf("agreement %.5f\n", (double)equal / STEPS);

    static const float logits[] = {1.0f, 2.0f, 0.5f};
    int64_t item;
    double score, margin;
    check(pycouple_sample_logits(logits, PYCOUPLE_FLOAT32, 3, sizeof *logits, 7, 0, 1.0, 0, 0, &item, &score, &margin));
    printf("item %lld, score %.6f, margin %.6f\n", (long long)item, score, margin);
    return 0;
}
