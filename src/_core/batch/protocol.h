/* Darts by name and in lists, and the epochs of the protocol (docs/protocol.md), without Python.
 *
 * `draw` is that of the parties, with stream 0; the row holds weights of items from 0 on. Rounds end early, with
 * results that mean nothing, when the call is stopped (batch/call.h). */
#ifndef PC_BATCH_PROTOCOL_H
#define PC_BATCH_PROTOCOL_H

#include "contract/dart.h"
#include "scan/row.h"

/* Time and item of the dart that has a tier, a group and a number. */
void pc_place_dart(const pc_draw *draw, pc_dart *dart);

pc_status pc_first_dart(const pc_row *row, const pc_draw *draw, pc_dart *first);

/* Whether `theirs` is under the row (1 or 0), and the item of the first dart under the row before it, or -1. */
pc_status pc_meet(const pc_row *row, const pc_draw *draw, const pc_dart *theirs, int *under, int64_t *before);

/* An epoch is a fresh sequence of darts: of the parties' draw with another seed. */
pc_draw pc_epoch(const pc_draw *draw, uint32_t epoch);

/* A round looks at the darts of some epochs, each up to the time in which 1 << power darts are expected under a row,
 * power 3..12. Its bitmap has so many bits per epoch, one epoch after the other, the first bit the highest of the first
 * byte. */
typedef struct {
    uint32_t first, epochs;
    int power;
} pc_round;

/* The bits of the marks of all darts under the row in a round are set in its bitmap. */
pc_status pc_set_marks(const pc_row *row, const pc_draw *draw, const pc_round *round, uint8_t *bitmap);

/* The item of the first dart under the row in a round whose bit is not set, or -1. */
pc_status pc_first_unmarked(const pc_row *row, const pc_draw *draw, const pc_round *round, const uint8_t *bitmap,
                            int64_t *item);

#endif
