/* case_files.h - the arrays of a case: read from their files, fitting each other, in the element type asked for. */
#ifndef TOOLS_CASE_FILES_H
#define TOOLS_CASE_FILES_H

#include "npy.h"
#include "options.h"

/* q [B,H,N,d], k [B,H_kv,M,d], v [B,H_kv,M,d_v] of o->dtype, bias [1|B,1|H,1|N,1|M] float32 or uint8,
 * mask [1|B,M] uint8, index [n] or [B,n,draws] int32. What the operation does not need has data NULL. */
typedef struct case_files {
    npy_array q, k, v, bias, mask, index;
} case_files;

bool case_files_read(const options *o, case_files *files, fault *why);
void case_files_free(case_files *files);

#endif
