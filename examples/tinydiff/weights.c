/* weights.c - see weights.h. */
#include "weights.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is read of the header. A failed reader stays failed; its first sentence is the one that counts. */
typedef struct reader {
    const char *at, *end;
    char *why;
    bool failed;
} reader;

static bool fail(reader *r, const char *sentence)
{
    if (!r->failed) snprintf(r->why, WHY, "%s", sentence);
    r->failed = true;
    return false;
}

static void skip_space(reader *r)
{
    while (r->at < r->end && strchr(" \t\r\n", *r->at) && *r->at) r->at++;
}

static bool next_is(reader *r, char c)
{
    skip_space(r);
    return !r->failed && r->at < r->end && *r->at == c;
}

static bool take(reader *r, char c)
{
    if (!next_is(r, c)) return false;
    r->at++;
    return true;
}

static bool expect(reader *r, char c, const char *sentence) { return take(r, c) || fail(r, sentence); }

static text read_text(reader *r)
{
    text t = { NULL, 0 };
    if (!expect(r, '"', "the header has no string where there must be one")) return t;
    t.at = r->at;
    while (r->at < r->end && *r->at != '"') {
        if ((unsigned char)*r->at < ' ') return fail(r, "a string of the header holds a control character"), t;
        r->at += *r->at == '\\' && r->at + 1 < r->end ? 2 : 1;
    }
    t.length = (size_t)(r->at - t.at);
    expect(r, '"', "a string of the header does not end");
    return t;
}

static bool same(text t, const char *word)
{
    return t.at && t.length == strlen(word) && memcmp(t.at, word, t.length) == 0;
}

static bool equal(text a, text b) { return a.length == b.length && memcmp(a.at, b.at, a.length) == 0; }

static int64_t read_whole(reader *r)
{
    int64_t n = 0;
    skip_space(r);
    const char *first = r->at;
    while (!r->failed && r->at < r->end && *r->at >= '0' && *r->at <= '9') {
        const int digit = *r->at++ - '0';
        if (n > (INT64_MAX - digit) / 10) return fail(r, "a number of the header is too large"), 0;
        n = n * 10 + digit;
    }
    if (r->at == first || (*first == '0' && r->at > first + 1)) fail(r, "the header has no whole number where it must");
    return n;
}

/* [1, 2, 3]: how many there are. */
static int read_wholes(reader *r, int64_t *numbers, int most)
{
    int count = 0;
    if (!expect(r, '[', "the header has no list where there must be one") || take(r, ']')) return 0;
    do {
        if (count == most) return fail(r, "a list of the header is too long"), 0;
        numbers[count++] = read_whole(r);
    } while (!r->failed && take(r, ','));
    expect(r, ']', "a list of the header does not end");
    return count;
}

static element element_of(text t)
{
    return same(t, "F32") ? ELEMENT_F32 : same(t, "F16") ? ELEMENT_F16 : same(t, "BF16") ? ELEMENT_BF16 : ELEMENT_OTHER;
}

static size_t bytes_of(text type)
{
    static const struct {
        const char *name;
        size_t bytes;
    } known[] = { { "F64", 8 },     { "F32", 4 }, { "F16", 2 }, { "BF16", 2 }, { "I64", 8 },
                  { "I32", 4 },     { "I16", 2 }, { "I8", 1 },  { "U8", 1 },   { "F8_E4M3", 1 },
                  { "F8_E5M2", 1 }, { "U64", 8 }, { "U32", 4 }, { "U16", 2 },  { "BOOL", 1 } };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (same(type, known[i].name)) return known[i].bytes;
    return 0;
}

/* As many bytes as the shape says, and no overflow on the way. */
static bool check_size(reader *r, const tensor *t, size_t each)
{
    uint64_t bytes = each;
    if (!each) return fail(r, "a tensor has an element type that is not known");
    for (int i = 0; i < t->axes; i++) {
        if (t->extent[i] && bytes > SIZE_MAX / (uint64_t)t->extent[i]) return fail(r, "a tensor's shape is too large");
        bytes *= (uint64_t)t->extent[i];
    }
    return t->end - t->first == bytes || fail(r, "a tensor's bytes are not those of its shape and type");
}

/* {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]}, in any order. */
static void read_tensor(reader *r, tensor *t)
{
    text type = { NULL, 0 };
    int64_t offsets[2];
    int seen = 0;
    expect(r, '{', "a tensor of the header is no object");
    do {
        const text key = read_text(r);
        expect(r, ':', "a key of the header has no value");
        const int bit = same(key, "dtype") ? 1 : same(key, "shape") ? 2 : same(key, "data_offsets") ? 4 : 0;
        if (!bit || seen & bit) fail(r, "a tensor has a key twice, or one that is not known");
        seen |= bit;
        if (bit == 1) type = read_text(r);
        if (bit == 2) t->axes = read_wholes(r, t->extent, WEIGHTS_MOST_AXES);
        if (bit == 4 && read_wholes(r, offsets, 2) != 2) fail(r, "a tensor's data_offsets are not two numbers");
    } while (!r->failed && take(r, ','));
    expect(r, '}', "a tensor of the header does not end");
    if (!r->failed && seen != 7) fail(r, "a tensor lacks its dtype, shape or data_offsets");
    if (r->failed) return;
    if (offsets[0] > offsets[1]) fail(r, "a tensor ends before it begins");
    t->first = (size_t)offsets[0], t->end = (size_t)offsets[1], t->type = element_of(type);
    if (!r->failed) check_size(r, t, bytes_of(type));
}

/* One more of an array whose room doubles; NULL: no memory. */
static void *grown(void *array, int count, size_t each)
{
    if (count & (count - 1)) return array;
    return realloc(array, (count ? 2 * (size_t)count : 1) * each);
}

static void read_notes(reader *r, weight_file *w)
{
    if (w->notes) fail(r, "__metadata__ is there twice");
    if (!expect(r, '{', "__metadata__ is no object") || take(r, '}')) return;
    do {
        note n;
        n.key = read_text(r);
        expect(r, ':', "a key of __metadata__ has no value");
        n.value = read_text(r);
        note *more = r->failed ? NULL : grown(w->notes, w->note_count, sizeof *more);
        if (!more) {
            fail(r, "there is no memory for the header");
            return;
        }
        w->notes = more, w->notes[w->note_count++] = n;
    } while (take(r, ','));
    expect(r, '}', "__metadata__ does not end");
}

static void read_entries(reader *r, weight_file *w)
{
    do {
        tensor t = { .axes = 0 };
        t.name = read_text(r);
        expect(r, ':', "a key of the header has no value");
        if (same(t.name, "__metadata__")) {
            read_notes(r, w);
            continue;
        }
        read_tensor(r, &t);
        tensor *more = r->failed ? NULL : grown(w->tensors, w->tensor_count, sizeof *more);
        if (!more) {
            fail(r, "there is no memory for the header");
            return;
        }
        w->tensors = more, w->tensors[w->tensor_count++] = t;
    } while (take(r, ','));
}

static void read_header(reader *r, weight_file *w)
{
    expect(r, '{', "the header is no JSON object");
    if (!next_is(r, '}')) read_entries(r, w);
    expect(r, '}', "the header does not end");
    skip_space(r);
    if (!r->failed && r->at != r->end) fail(r, "something follows the header's object");
}

static int by_place(const void *a, const void *b)
{
    const tensor *x = a, *y = b;
    return x->first != y->first ? (x->first > y->first) - (x->first < y->first) : (x->end > y->end) - (x->end < y->end);
}

static int by_name(const void *a, const void *b)
{
    const text x = ((const tensor *)a)->name, y = ((const tensor *)b)->name;
    const int order = memcmp(x.at, y.at, x.length < y.length ? x.length : y.length);
    return order ? order : (x.length > y.length) - (x.length < y.length);
}

/* One after the other, to the last byte; and no name twice. */
static void check_places(reader *r, weight_file *w, unsigned char *data, size_t size)
{
    size_t reached = 0;
    if (r->failed) return;
    if (w->tensor_count) qsort(w->tensors, (size_t)w->tensor_count, sizeof *w->tensors, by_place);
    for (int i = 0; i < w->tensor_count; i++) {
        if (w->tensors[i].first != reached) fail(r, "the tensors' bytes overlap or have gaps");
        reached = w->tensors[i].end;
        w->tensors[i].data = data + w->tensors[i].first;
    }
    if (reached != size) fail(r, "the file is not as long as its tensors");
    if (w->tensor_count) qsort(w->tensors, (size_t)w->tensor_count, sizeof *w->tensors, by_name);
    for (int i = 1; i < w->tensor_count; i++)
        if (equal(w->tensors[i - 1].name, w->tensors[i].name)) fail(r, "the header has a name twice");
}

bool weights_parse(weight_file *w, unsigned char *bytes, size_t size, char *why)
{
    reader r = { .why = why };
    uint64_t length = 0;
    memset(w, 0, sizeof *w);
    w->bytes = bytes;
    for (int i = 0; i < 8 && size >= 8; i++) length |= (uint64_t)bytes[i] << 8 * i;
    if (size < 8 || length > size - 8) fail(&r, "the file is shorter than its header");
    else {
        r.at = (const char *)bytes + 8, r.end = r.at + length;
        read_header(&r, w);
        check_places(&r, w, bytes + 8 + length, size - 8 - (size_t)length);
    }
    if (r.failed) weights_free(w);
    return !r.failed;
}

bool weights_read(weight_file *w, const char *path, char *why)
{
    unsigned char *bytes = NULL;
    long size = -1;
    FILE *file = fopen(path, "rb");
    memset(w, 0, sizeof *w);
    if (file && fseek(file, 0, SEEK_END) == 0) size = ftell(file);
    if (size >= 0 && (bytes = malloc((size_t)size + 1)) != NULL) {
        rewind(file);
        if (fread(bytes, 1, (size_t)size, file) != (size_t)size) free(bytes), bytes = NULL;
    }
    if (!bytes) snprintf(why, WHY, "cannot read %.180s: %s", path, strerror(errno));
    if (file) fclose(file);
    return bytes && weights_parse(w, bytes, (size_t)size, why);
}

void weights_free(weight_file *w)
{
    free(w->bytes), free(w->tensors), free(w->notes);
    memset(w, 0, sizeof *w);
}

const tensor *weights_find(const weight_file *w, const char *name)
{
    tensor wanted = { .name = { name, strlen(name) } };
    return w->tensor_count ? bsearch(&wanted, w->tensors, (size_t)w->tensor_count, sizeof *w->tensors, by_name) : NULL;
}

int weights_number(const weight_file *w, const char *key)
{
    for (int i = 0; i < w->note_count; i++) {
        const text value = w->notes[i].value;
        int n = 0;
        if (!same(w->notes[i].key, key) || !value.length || value.length > 8) continue;
        for (size_t j = 0; j < value.length; j++) {
            if (value.at[j] < '0' || value.at[j] > '9') return -1;
            n = n * 10 + value.at[j] - '0';
        }
        return n;
    }
    return -1;
}

int64_t tensor_elements(const tensor *t)
{
    int64_t n = 1;
    for (int i = 0; i < t->axes; i++) n *= t->extent[i];
    return n;
}

static float from_f16(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, magnitude = h & 0x7fff;
    /* Half's exponent field in float's place is 2^-112 of the value; infinities and NaN need the highest exponent. */
    uint32_t bits = magnitude << 13;
    float f;
    memcpy(&f, &bits, 4);
    f *= 0x1p112f;
    memcpy(&bits, &f, 4);
    if (magnitude >= 0x7c00) bits = 0x7f800000 | magnitude << 13;
    bits |= sign;
    memcpy(&f, &bits, 4);
    return f;
}

void tensor_floats(const tensor *t, float *out)
{
    const int64_t n = tensor_elements(t);
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits = 0;
        for (int j = 0; j < (t->type == ELEMENT_F32 ? 4 : 2); j++)
            bits |= (uint32_t)t->data[i * (t->type == ELEMENT_F32 ? 4 : 2) + j] << 8 * j;
        if (t->type == ELEMENT_BF16) bits <<= 16;
        if (t->type == ELEMENT_F16) out[i] = from_f16((uint16_t)bits);
        else memcpy(&out[i], &bits, 4);
    }
}
