/* repair.cu - see repair.h: results are read once, and what is not finite is left to attend_exact.h. */
#include "attend_exact.h"
#include "../repair.h"

static_assert((int)AG_REPAIR_THREADS == (int)THREADS, "a row is computed by a block");

/* Which of the block's rows are not finite in its channels, a warp for each row. */
DEVICE void find_rows(const ag_launch &l, const ag_attend &a, room *r, int64_t h, int64_t channel)
{
    const int64_t end = channel + WIDE < a.d_v ? channel + WIDE : a.d_v;
    for (int n = warp(); n < QUERIES; n += THREADS / 32) {
        const int64_t i = r->token[n];
        int odd = 0;
        for (int64_t t = channel + lane(); i >= 0 && t < end; t += 32)
            odd |= !is_finite(load_one(at(l, a.out, h, i), a.out.dtype, t));
        odd = vote_any(odd);
        if (!lane()) r->again[n] = odd;
    }
    sync_block(); /* rows are judged */
}

KERNEL_OF(ag_repair, ag_repair_rows, THREADS, 2)
{
    const ag_step *s = launch.step;
    const ag_attend &a = s->u.attend;
    room *r = (room *)shared_memory();
    const int64_t parts = parts_of(&a), tile = block() / parts, channel = block() % parts * WIDE;
    const int64_t h = s->heads[tile / tiles_of(&a)];
    list_queries({ .a = &a, .r = r }, tile % tiles_of(&a) * QUERIES);
    sync_block(); /* queries are listed */
    find_rows(launch.launch, a, r, h, channel);
    ROLLED
    for (int n = 0; n < QUERIES; n++)
        if (r->again[n]) exact_row({ launch.launch, s, &r->exact, h, r->token[n], channel });
}

int64_t ag_repair_blocks(const ag_step *s) { return s->n_heads * tiles_of(&s->u.attend) * parts_of(&s->u.attend); }
const void *const ag_repair_entry = (const void *)ag_repair_rows;
size_t ag_repair_shared(void) { return sizeof(room); }
