/* description.c - see description.h: problems and rows. Their arguments are in arguments.c. */
#include "description.h"

#include <stdlib.h>

#include "../harness/methods.h"

enum { LARGEST = 1 << 22, LONGEST_TAIL = 4096 };

void *description_memory(description *x, size_t size)
{
    void *memory = NULL;
    if (size > LARGEST || x->pieces == DESCRIPTION_MEMORY) return NULL;
    if (posix_memalign(&memory, AG_ALIGNMENT, size ? size : 1)) return NULL;
    return x->memory[x->pieces++] = memory;
}

void description_free(description *x)
{
    while (x->pieces) free(x->memory[--x->pieces]);
}

/* ---- a plausible description ---- */

static ag_layout any_layout(bytes *b, ag_dtype type, int64_t heads, int64_t tokens, int64_t width)
{
    switch (bytes_below(b, 4)) {
    case 0: return ag_layout_bhnd(type, heads, tokens, width);
    case 1: return ag_layout_bnhd(type, heads, tokens, width);
    case 2: return ag_layout_fused(type, tokens, 3 * heads * width, width);
    }
    return ag_layout_bhnd(type, heads, tokens + 1, width + 3);
}

static void any_problem(bytes *b, ag_problem *p)
{
    const int64_t kv_heads = 1 + bytes_below(b, 3), heads = kv_heads * (1 + bytes_below(b, 2));
    const int64_t n_q = 1 + bytes_below(b, 24), n_k = bytes_below(b, 4) ? n_q : 1 + bytes_below(b, 140);
    const ag_dtype q = (ag_dtype)(1 + bytes_below(b, 3)), kv = (ag_dtype)(1 + bytes_below(b, 3));
    ag_problem_init(p, 1 + bytes_below(b, 4), heads, n_q, n_k, 1 + bytes_below(b, 20));
    p->kv_heads = kv_heads;
    p->d_v = bytes_below(b, 3) ? p->d : 1 + bytes_below(b, 20);
    p->operation = (ag_operation)(bytes_below(b, 3) ? 0 : bytes_below(b, 5));
    p->q = any_layout(b, q, heads, n_q, p->d);
    p->k = any_layout(b, kv, kv_heads, n_k, p->d);
    p->v = any_layout(b, kv, kv_heads, n_k, p->d_v);
    p->out = any_layout(b, q, heads, n_q, p->operation == AG_BLUR ? p->d : p->d_v);
    const unsigned with = bytes_one(b);
    p->causal = with & 1;
    p->want_lse = with >> 1 & 1;
    p->has_key_mask = with >> 2 & 1;
    p->has_key_lengths = with >> 3 & 1;
    p->bias_dtype = (with >> 4 & 7) == 7 ? (ag_dtype)bytes_below(b, 5) : AG_NONE;
    p->workers = bytes_below(b, 4);
    p->products = (ag_dtype)(bytes_below(b, 16) == 0 ? bytes_one(b) : 0);
    if (with & 128) p->wave_bytes = (size_t)bytes_one(b) * 64;
}

static void any_row(bytes *b, const ag_problem *p, ag_row *row)
{
    static const double sigmas[] = { 0, 0.4, 2, 30, 9999, 10000 };
    const unsigned with = bytes_one(b);
    ag_row_init(row, (ag_method)bytes_below(b, 1 + methods_info(methods_count() - 1).method));
    const ag_method m = row->method;
    if (m == AG_SCRAMBLED) row->kind = (ag_kind)bytes_below(b, 3);
    if (m == AG_SCRAMBLED && row->kind == AG_GATHER) row->draws = 1 + bytes_below(b, 3);
    if (m == AG_SCRAMBLED) row->indexed = (with >> 2 & 3) == 3;
    if (m != AG_STANDARD) row->blend = with & 1;
    if (m == AG_ORTHOGONAL) row->keep_parallel = with >> 1 & 1;
    if (m == AG_SMOOTHED || m == AG_ORTHOGONAL) row->sigma = sigmas[bytes_below(b, 6)];
    if (m == AG_SMOOTHED || m == AG_ORTHOGONAL) row->sigma_t = sigmas[bytes_below(b, 6)];
    if (m == AG_SOFTENED) row->inverse_temperature = sigmas[bytes_below(b, 3)];
    if (m == AG_MASKED) row->probability = sigmas[bytes_below(b, 2)];
    if (m == AG_NOISY) row->amplitude = sigmas[bytes_below(b, 4)];
    if (m == AG_SPARSE) row->power = with >> 1 & 1 ? 2 : 1.5;
    row->grid[0] = 1 + bytes_below(b, 2);
    row->grid[1] = 1 + bytes_below(b, 5);
    row->grid[2] = p->n_q / (row->grid[0] * row->grid[1]);
    row->image_length = row->grid[0] * row->grid[1] * row->grid[2];
    row->image_offset = with & 16 ? p->n_q - row->image_length : 0;
}

/* ---- anything ---- */

/* Overwrites one field, or what lies across two: offsets are multiples of 4. */
static void spoil(bytes *b, void *object, size_t size)
{
    const size_t at = bytes_one(b) * (size_t)4 % size, width = bytes_one(b) % 2 ? 4 : 8;
    const int64_t number = bytes_number(b);
    memcpy((char *)object + at, &number, at + width > size ? size - at : width);
}

static void spoil_all(description *x, bytes *b)
{
    for (int n = bytes_below(b, 6); n > 0; n--) {
        const int which = bytes_below(b, 8);
        if (which < 5) spoil(b, &x->p, sizeof x->p);
        else spoil(b, &x->rows[which % 2], sizeof *x->rows);
    }
    if (bytes_one(b) == 255) bytes_copy(b, &x->p, sizeof x->p);
    if (bytes_one(b) == 255) bytes_copy(b, x->rows, sizeof *x->rows);
}

/* ---- memory as large as the structs say ---- */

/* Bytes of a struct that says `said`: what the library may read of it, and never less than the size itself. */
static size_t readable(size_t said, size_t real)
{
    if (said > real + LONGEST_TAIL) return sizeof said;
    return said < sizeof said ? sizeof said : said;
}

static void write_struct(void *to, const void *from, size_t room, size_t real)
{
    memset(to, 0, room);
    memcpy(to, from, room < real ? room : real);
}

/* Pointers cannot be bytes: head sets are as long as the problem says, the kernel's name is ended. */
static void set_pointers(description *x, bytes *b)
{
    static const char *const names[] = { "attend_f64_ref", "blur_f32_base", "attend_f32_base", "map_openblas", "" };
    x->p.kernel = bytes_below(b, 6) ? NULL : names[bytes_below(b, 5)];
    for (int i = 0; i < DESCRIPTION_ROWS; i++) {
        x->rows[i].heads = NULL;
        if (x->p.heads < 1 || x->p.heads > LARGEST || x->rows[i].method == AG_STANDARD || bytes_below(b, 3)) continue;
        uint8_t *heads = description_memory(x, (size_t)x->p.heads);
        if (heads) bytes_copy(b, heads, (size_t)x->p.heads);
        x->rows[i].heads = heads;
    }
}

static const ag_row *write_rows(description *x)
{
    const size_t room = readable(x->rows[0].size, sizeof(ag_row));
    if (x->p.row_count < 1 || x->p.row_count > DESCRIPTION_ROWS) return NULL;
    char *rows = description_memory(x, room * (size_t)x->p.row_count);
    for (int64_t i = 0; rows && i < x->p.row_count; i++)
        write_struct(rows + (size_t)i * room, &x->rows[i], room, sizeof(ag_row));
    return (const ag_row *)rows;
}

void description_read(description *x, bytes *b)
{
    memset(x, 0, sizeof *x);
    any_problem(b, &x->p);
    for (int i = 0; i < DESCRIPTION_ROWS; i++) any_row(b, &x->p, &x->rows[i]);
    const int rows = bytes_below(b, 4);
    x->p.row_count = rows == 0 ? 0 : rows == 1 ? 1 : x->p.batch;
    spoil_all(x, b);
    set_pointers(x, b);
    x->p.rows = write_rows(x);
    const size_t room = readable(x->p.size, sizeof x->p);
    void *problem = description_memory(x, room);
    if (problem) write_struct(problem, &x->p, room, sizeof x->p);
    x->problem = problem;
}

/* ---- what it would cost ---- */

static double at_least_1(int64_t x) { return x < 1 ? 1 : (double)x; }

double description_plan_size(const ag_problem *p)
{
    const double tokens = at_least_1(p->n_q) + at_least_1(p->n_k), width = at_least_1(p->d) + at_least_1(p->d_v);
    return at_least_1(p->batch) * at_least_1(p->heads) * (1 + tokens / 16 + width / 8);
}

double description_work(const ag_problem *p)
{
    return at_least_1(p->batch) * at_least_1(p->heads) * at_least_1(p->n_q) *
           (at_least_1(p->n_k) + at_least_1(p->n_q)) * (at_least_1(p->d) + at_least_1(p->d_v));
}
