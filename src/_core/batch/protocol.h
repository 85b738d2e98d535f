/* Darts by name and in lists, and the epochs of the protocol (docs/protocol.md), without Python.
 *
 * `draw` is that of the parties, with stream 0; the row holds weights of items from 0 on. */
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

/* The bits of the marks of all darts under the row up to `until` of an epoch are set in a bitmap of 1 << power bits,
 * power 3..12, the first bit the highest of the first byte. */
pc_status pc_set_marks(const pc_row *row, const pc_draw *epoch, double until, int power, uint8_t *bitmap);

/* The item of the first dart under the row up to `until` of an epoch whose bit is not set, or -1. */
pc_status pc_first_unmarked(const pc_row *row, const pc_draw *epoch, double until, int power, const uint8_t *bitmap,
                            int64_t *item);

#endif
