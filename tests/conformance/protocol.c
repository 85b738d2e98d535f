/* Topics: the protocol's darts, and whole conversations. */
#include <stdlib.h>
#include <string.h>

#include "batch/protocol.h"
#include "conformance.h"
#include "dispatch/isa.h"

enum { MAX_ROUNDS = 24, FIRST_POWER = 3, EPOCH_POWER = 11 };

/* ---- conversations */

/* Bits, the highest of the first byte first. */
typedef struct {
    uint8_t bytes[16];
    int count;
} code;

static void put(code *c, uint64_t value, int bits) {
    for (int bit = bits - 1; bit >= 0; bit--, c->count++)
        c->bytes[c->count >> 3] |= (uint8_t)((value >> bit & 1) << (7 - (c->count & 7)));
}

/* The name of a dart: its cell in truncated binary, then its number. */
static code name_of(const pc_dart *dart, uint64_t n) {
    code c = {{0}, 0};
    uint64_t all = 0, cell = dart->group;
    for (int tier = 0; tier <= PC_DART_TIERS; tier++) {
        const uint64_t cells = ((n - 1) >> 2 * tier) + 1;
        all += cells;
        cell += tier < dart->tier ? cells : 0;
    }
    int width = 0;
    while (all > UINT64_C(1) << width)
        width++;
    const uint64_t short_ones = (UINT64_C(1) << width) - all;
    put(&c, cell < short_ones ? cell : cell + short_ones, cell < short_ones ? width - 1 : width);
    if (dart->number < 8) {
        put(&c, (UINT64_C(1) << (dart->number + 1)) - 2, dart->number + 1);
    } else {
        put(&c, 0xff, 8);
        put(&c, dart->number, 12);
    }
    return c;
}

static void say(conversation *c, const void *payload, int bytes) {
    c->payload[c->messages] = memory_for(bytes, 1);
    memcpy(c->payload[c->messages], payload, (size_t)bytes);
    c->bytes[c->messages++] = bytes;
}

static void end(conversation *c, const char *how, int64_t b) {
    say(c, "\0", 1);
    c->how = how;
    c->b = b;
}

void conversation_free(conversation *c) {
    for (int i = 0; i < c->messages; i++)
        free(c->payload[i]);
}

static pc_round round_of(int w) {
    const int power = FIRST_POWER + w < EPOCH_POWER ? FIRST_POWER + w : EPOCH_POWER;
    const int epochs = 1 << (FIRST_POWER + w - power);
    return (pc_round){(uint32_t)(power - FIRST_POWER + epochs - 1), (uint32_t)epochs, power};
}

pc_status converse(const pc_row *p, const pc_row *q, const pc_draw *draw, int rounds, conversation *out) {
    const int most = rounds < MAX_ROUNDS ? rounds : MAX_ROUNDS;
    pc_dart dart, fresh;
    int under;
    int64_t own, third = -1;
    *out = (conversation){.b = -1};
    pc_status status = pc_first_dart(p, draw, &dart);
    if (status == PC_OK)
        status = pc_meet(q, draw, &dart, &under, &own);
    if (status != PC_OK)
        return status;
    const code name = name_of(&dart, (uint64_t)p->n);
    out->a = (int64_t)dart.item;
    say(out, name.bytes, (name.count + 7) / 8);
    if (under && (rounds == EXACT_ROUNDS || own < 0))
        end(out, "met", out->a);
    else if (!under && own >= 0)
        end(out, "before", own);
    for (int w = 0; !out->how && w < most; w++) {
        const pc_round round = round_of(w);
        const int size = (int)(round.epochs << round.power >> 3);
        uint8_t *marks = memory_for(size, 1);
        status = pc_set_marks(p, draw, &round, marks);
        if (status == PC_OK)
            status = pc_first_unmarked(q, draw, &round, marks, &third);
        say(out, "\x80", 1);
        say(out, marks, size);
        free(marks);
        if (status != PC_OK)
            return status;
        if (third >= 0)
            end(out, under ? "allowed" : "marks", under ? out->a : third);
    }
    if (out->how)
        return PC_OK;
    if (own >= 0) {
        end(out, "kept", own);
        return PC_OK;
    }
    const pc_draw epoch = pc_epoch(draw, round_of(most).first);
    status = pc_first_dart(q, &epoch, &fresh);
    end(out, "fresh", status == PC_OK ? (int64_t)fresh.item : -1);
    return status;
}

/* ---- topics */

static const int64_t lengths[] = {1, 2, 5, 17, 64, 65, 300, 1025};
static const pc_kind kinds[] = {PC_F64, PC_F32, PC_F16};

static void conversations(digest *d, int rounds) {
    int turn = 0;
    for (int recipe = 0; recipe < NONE; recipe++)
        for (int l = 0; l < LENGTH(lengths); l++, turn++) {
            const pc_draw draw = {word(10, 2 * (uint64_t)turn), word(10, 2 * (uint64_t)turn + 1), 0};
            pc_row p, q;
            void *ps = make_row(&p, kinds[turn % 3], 0, recipe, lengths[l], 0);
            void *qs = make_row(&q, kinds[turn % 2], 0, (recipe + 1 + turn % 3) % NONE, lengths[l], 0);
            conversation c;
            digest_u64(d, (uint64_t)converse(&p, &q, &draw, rounds, &c));
            digest_u64(d, (uint64_t)c.a);
            digest_u64(d, (uint64_t)c.b);
            for (int m = 0; m < c.messages; m++)
                for (int i = 0; i < c.bytes[m]; i++)
                    digest_u64(d, c.payload[m][i]);
            conversation_free(&c);
            free(ps);
            free(qs);
        }
}

/* Times and items of darts by name. */
static void darts(digest *d, int what) {
    (void)what;
    for (uint64_t i = 0; i < 2048; i++) {
        const uint64_t w = word(11, 3 * i);
        const pc_draw draw = {word(11, 3 * i + 1), word(11, 3 * i + 2), 0};
        pc_dart dart = {.tier = (uint16_t)(w % (PC_DART_TIERS + 1)), .number = (uint16_t)(w >> 8 & 31)};
        dart.group = (uint32_t)(w >> 32) >> 2 * dart.tier;
        pc_place_dart(&draw, &dart);
        digest_f64(d, dart.time);
        digest_u64(d, dart.item);
    }
}

static int in_order(const void *a, const void *b) { return pc_dart_before(a, b) ? -1 : 1; }

/* All darts under a row up to a time, in order. Their times are made by the logarithm on vectors, whose last bit no
 * draw shows; it is lost in times that are not short. */
static void darts_in_lists(digest *d, int what) {
    (void)what;
    enum { ITEMS = 65, ROOM = 64, DRAWS = 1000 };
    double *memory = memory_for(pc_scratch_blocks(ITEMS), PC_BLOCK_BYTES);
    for (int turn = 0; turn < LENGTH(kinds); turn++) {
        pc_scratch scratch = pc_scratch_in(memory, pc_scratch_blocks(ITEMS));
        pc_row row;
        void *items = make_row(&row, kinds[turn], 0, SPREAD, ITEMS, 0);
        for (uint64_t step = 0; step < DRAWS; step++) {
            const pc_draw draw = {word(13, (uint64_t)turn), step, 0};
            pc_dart found[ROOM], end;
            pc_darts list = {.until = 3, .at = found, .room = ROOM};
            digest_u64(d, (uint64_t)pc_isa_current()->darts(&row, &draw, 0, &scratch, &list, &end));
            digest_u64(d, (uint64_t)list.count);
            const int64_t count = list.count < ROOM ? list.count : ROOM;
            qsort(found, (size_t)count, sizeof *found, in_order);
            for (int64_t i = 0; i < count; i++) {
                digest_f64(d, found[i].time);
                digest_u64(d, found[i].item);
            }
        }
        free(items);
    }
    free(memory);
}

static void epochs(digest *d, int what) {
    (void)what;
    for (uint64_t i = 0; i < 1024; i++) {
        const pc_draw draw = {word(12, 2 * i), word(12, 2 * i + 1), 0}, epoch = pc_epoch(&draw, (uint32_t)(i * i));
        digest_u64(d, epoch.seed);
        digest_u64(d, epoch.step);
    }
}

const topic protocol_topics[] = {
    {"darts", darts, 0},
    {"darts-in-lists", darts_in_lists, 0},
    {"epochs", epochs, 0},
    {"conversations-0-rounds", conversations, 0},
    {"conversations-1-round", conversations, 1},
    {"conversations-2-rounds", conversations, 2}, /* all of these conversations end within them */
    {NULL, NULL, 0},
};
