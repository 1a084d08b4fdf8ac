/* weights.h - a strict reader of .safetensors: eight bytes of a length, a JSON header of that length, then the numbers.
 * The numbers of all tensors cover what follows the header exactly, without gaps and overlaps; anything else is
 * refused. */
#ifndef TINYDIFF_WEIGHTS_H
#define TINYDIFF_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WEIGHTS_MOST_AXES = 8, WHY = 256 };

/* A text inside the header, not ended by a zero. */
typedef struct text {
    const char *at;
    size_t length;
} text;

typedef enum element { ELEMENT_F32, ELEMENT_F16, ELEMENT_BF16, ELEMENT_OTHER } element;

typedef struct tensor {
    text name;
    element type;
    int axes;
    int64_t extent[WEIGHTS_MOST_AXES];
    const unsigned char *data; /* at any address */
    size_t first, end;         /* its bytes, counted from the header's end */
} tensor;

typedef struct note {
    text key, value; /* as they stand in the header, escapes included */
} note;

typedef struct weight_file {
    unsigned char *bytes; /* of the whole file, owned */
    tensor *tensors;
    note *notes; /* __metadata__ */
    int tensor_count, note_count;
} weight_file;

/* False: why[WHY] says what is wrong, and w is empty. */
bool weights_read(weight_file *w, const char *path, char *why);

/* The same from memory; takes the bytes, which must come from malloc, even where it fails. */
bool weights_parse(weight_file *w, unsigned char *bytes, size_t size, char *why);
void weights_free(weight_file *w);

const tensor *weights_find(const weight_file *w, const char *name);

/* A whole number of the metadata, -1 where there is none. */
int weights_number(const weight_file *w, const char *key);

/* Elements of a tensor; its float32 values, to out. ELEMENT_OTHER cannot be converted. */
int64_t tensor_elements(const tensor *t);
void tensor_floats(const tensor *t, float *out);

#endif
