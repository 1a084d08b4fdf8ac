/* half.c - see half.h. */
#include "half.h"

#include <stdint.h>
#include <string.h>

#include "../src/halves.h"

/* Element i is written where elements <= i were read. */
void half_convert(void *data, size_t count, ag_dtype dtype)
{
    unsigned char *bytes = data;
    for (size_t i = 0; dtype != AG_F32 && i < count; i++) {
        float wide;
        memcpy(&wide, bytes + 4 * i, sizeof wide);
        const uint16_t value = dtype == AG_F16 ? ag_to_half(wide) : ag_to_bfloat(wide);
        memcpy(bytes + 2 * i, &value, sizeof value);
    }
}
