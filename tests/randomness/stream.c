/* The public randomness as an endless stream of 64-bit words on standard output, for batteries of tests.
 *
 * Usage: stream WHAT ALONG [SEED]. It links nothing: cc -std=gnu11 -O3 -ffp-contract=off -Isrc/_core
 *
 * WHAT is made at the points that ALONG visits, one point after the other:
 *     words     all four Philox words of the race's lane domain, two 64-bit words per point
 *     uniforms  the 52 bits of pc_uniform. Five uniforms make four words: each of the first four fills the low 52 bits
 *               of a word, and the top 48 bits of the fifth are dealt out to their high 12 bits. So the lowest bits of
 *               words, which batteries look at alone, are the lowest bits of uniforms, and no bit is constant.
 *     clocks    the top 32 bits of exp(-pc_clock), two clocks per word, the first of them low
 *     counter   0, 1, 2, ..., which is not random: a battery that does not fail it is not at work
 *
 * The law of exp(-E) is uniform on (0, 1), for the first clock of a block and for the others. How far the top 32 bits
 * are from it:
 *     - ln, exp and the additions are off by less than 2^-50 in all, which moves the distribution function by less than
 *       that. A test that asks how many values are below a bound sees it after some 2^100 of them.
 *     - A clock M + F has one of 2^32 values of F, so exp(-E) = V W with V on a grid of 2^32 points and W = exp(-M).
 *       The density of W smooths the grid. Summed over it, the probability of cell c of the 2^32 cells has a relative
 *       error below 3 / c^2 for c >= 32, and of 1.6 % at most in the lowest 32. The best of all tests of single values
 *       needs 2^48 bytes to see that at five standard deviations.
 *     - Two clocks of a block share W. They fall into the same cell with a probability of 2^-32 and 1/64 of it more. To
 *       see that in the same way takes 2^46 bytes along items.
 * Further bits of exp(-E) are not uniform given M, since V has 32 bits.
 *
 * Words are in the byte order of the machine, as PractRand's RNG_test reads them. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "contract/clock.h"

enum { WORDS = 8192 }; /* 64 KiB, what a pipe holds; a multiple of the four words of a pack */

typedef enum { ITEMS, STEPS, STREAMS, SEEDS, GRAY, TWO_SEEDS, TWO_STREAMS } route;

static const char *const routes[] = {"items", "steps", "streams", "seeds", "gray", "two-seeds", "two-streams"};

typedef struct {
    pc_draw draw;
    uint64_t item;
} point;

/* The n-th point of a route. One that runs out of items or streams goes on at the next step. */
static inline point visit(route along, uint64_t seed, uint64_t n, int item_bits) {
    point p = {{seed, 0, 0}, 0};
    uint64_t gray = n ^ (n >> 1);
    switch (along) {
    case STEPS:
        p.draw.step = n;
        return p;
    case STREAMS:
        p.draw.stream = n & PC_MAX_STREAM;
        p.draw.step = n >> 8;
        return p;
    case SEEDS:
        p.draw.seed += n;
        return p;
    case GRAY: /* neighbours differ in one bit; the quickest 16 bits are the highest of the seed */
        p.draw.seed ^= gray << 48 | gray >> 16;
        return p;
    case TWO_SEEDS:
        p.draw.seed += n & 1;
        n >>= 1;
        break;
    case TWO_STREAMS:
        p.draw.stream = 1 + (n & 1);
        n >>= 1;
        break;
    case ITEMS:
        break;
    }
    p.item = n & ((UINT64_C(1) << item_bits) - 1);
    p.draw.step = n >> item_bits;
    return p;
}

static inline void put_words(route along, uint64_t seed, uint64_t *n, uint64_t *out) {
    for (int i = 0; i < WORDS; i += 2) {
        point p = visit(along, seed, (*n)++, 32);
        uint32_t c[4];
        pc_words(&p.draw, (uint32_t)p.item, PC_DOMAIN_LANE, c);
        out[i] = (uint64_t)c[1] << 32 | c[0];
        out[i + 1] = (uint64_t)c[3] << 32 | c[2];
    }
}

static inline uint64_t uniform_bits(route along, uint64_t seed, uint64_t n) {
    point p = visit(along, seed, n, 32);
    return (uint64_t)(pc_uniform(&p.draw, p.item) * 0x1p52); /* exact, and the half is cut off */
}

static inline void put_uniforms(route along, uint64_t seed, uint64_t *n, uint64_t *out) {
    for (int i = 0; i < WORDS; i += 4, *n += 5) {
        uint64_t dealt = uniform_bits(along, seed, *n + 4) >> 4;
        for (int j = 0; j < 4; j++)
            out[i + j] = uniform_bits(along, seed, *n + j) | (dealt >> (12 * j)) << 52;
    }
}

static inline void put_clocks(route along, uint64_t seed, uint64_t *n, uint64_t *out) {
    static double e[2 * WORDS];
    for (int i = 0; i < 2 * WORDS; i++) {
        point p = visit(along, seed, (*n)++, 34);
        e[i] = exp(-pc_clock(&p.draw, p.item)) * 0x1p32;
    }
    for (int i = 0; i < WORDS; i++)
        out[i] = (uint64_t)e[2 * i] | (uint64_t)e[2 * i + 1] << 32;
}

static inline void put_counter(route along, uint64_t seed, uint64_t *n, uint64_t *out) {
    (void)along;
    for (int i = 0; i < WORDS; i++)
        out[i] = seed + (*n)++;
}

static const struct {
    const char *name;
    void (*put)(route along, uint64_t seed, uint64_t *n, uint64_t *out);
} kinds[] = {{"words", put_words}, {"uniforms", put_uniforms}, {"clocks", put_clocks}, {"counter", put_counter}};

static int usage(void) {
    fprintf(stderr, "usage: stream WHAT ALONG [SEED]\n  WHAT: words, uniforms, clocks, counter\n"
                    "  ALONG: items, steps, streams, seeds, gray, two-seeds, two-streams\n"
                    "  SEED: 0 to 2^64 - 1, 1 by default\n");
    return 2;
}

int main(int count, char **arguments) {
    if (count < 3 || count > 4)
        return usage();
    size_t kind = 0, along = 0;
    while (kind < sizeof kinds / sizeof *kinds && strcmp(arguments[1], kinds[kind].name) != 0)
        kind++;
    while (along < sizeof routes / sizeof *routes && strcmp(arguments[2], routes[along]) != 0)
        along++;
    const char *number = count == 4 ? arguments[3] : "1";
    char *end;
    errno = 0;
    uint64_t seed = strtoull(number, &end, 10);
    if (kind == sizeof kinds / sizeof *kinds || along == sizeof routes / sizeof *routes ||
        !isdigit((unsigned char)*number) || *end || errno)
        return usage();

    static uint64_t words[WORDS];
    signal(SIGPIPE, SIG_IGN);
    for (uint64_t n = 0;;) {
        kinds[kind].put((route)along, seed, &n, words);
        const char *at = (const char *)words;
        for (size_t left = sizeof words; left;) {
            ssize_t written = write(STDOUT_FILENO, at, left);
            if (written < 0 && errno == EINTR)
                continue;
            if (written < 0) /* a reader that has enough closes the pipe */
                return errno == EPIPE ? 0 : 1;
            at += written;
            left -= (size_t)written;
        }
    }
}
