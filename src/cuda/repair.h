/* repair.h - rows of an attend step that came out NaN or infinite, computed again: what attend_cublas.c does last. Its
 * second product multiplies hidden values by 0, and 0 times NaN is NaN. */
#ifndef AG_REPAIR_H
#define AG_REPAIR_H

#include "device.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { AG_REPAIR_THREADS = 256 };

/* The kernel's parameter. */
typedef struct ag_repair {
    const ag_step *step; /* on the device */
    ag_launch launch;
} ag_repair;

extern const void *const ag_repair_entry;
int64_t ag_repair_blocks(const ag_step *s); /* the host's */
size_t ag_repair_shared(void);

#ifdef __cplusplus
}
#endif
#endif
