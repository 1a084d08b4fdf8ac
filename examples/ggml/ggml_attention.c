/* ggml_attention.c - guided attention inside real ggml graphs, run by ggml's own threads, held against
 * ggml_flash_attn_ext() on the same tensors. A line per check, the count last. */
#include <ggml-cpu.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ways.h"

static const char *const request_name[] = { "standard", "smoothed", "uncond, cond, perturbed" };

/* Outputs lie within [-1, 1]. ggml keeps float32 throughout from 64 queries on; with fewer, and float16 keys and
 * values, it rounds queries and running sums to float16, 2^-11 each, which is where the wide limit comes from. */
static const shape shapes[] = {
    { "packed", 64, 64, 64, 4, 4, 3, 0, { 1, 8, 8 }, GGML_TYPE_F32, PACKED, 0, 2e-6 },
    { "token-major, grouped heads, text", 40, 90, 90, 6, 2, 3, 13, { 1, 7, 11 }, GGML_TYPE_F32, TOKEN_MAJOR, 0, 2e-6 },
    { "fused projection, masked", 32, 81, 81, 5, 5, 3, 4, { 1, 7, 11 }, GGML_TYPE_F32, FUSED, 1, 2e-6 },
    { "float16 k and v", 64, 121, 121, 8, 4, 3, 4, { 1, 9, 13 }, GGML_TYPE_F16, TOKEN_MAJOR, 0, 2e-6 },
    { "float16 k and v, few tokens", 64, 33, 33, 4, 2, 3, 3, { 1, 5, 6 }, GGML_TYPE_F16, TOKEN_MAJOR, 0, 2e-3 },
    { "text keys", 40, 101, 77, 8, 8, 2, 0, { 0 }, GGML_TYPE_F32, TOKEN_MAJOR, 0, 2e-6 },
};

static int passed, failed;

static void report(int ok, const char *what, const char *asked, const char *detail)
{
    printf("%s  %s: %s: %s\n", ok ? "ok    " : "FAILED", what, asked, detail);
    if (ok) passed++;
    else failed++;
}

/* ---- checks ---- */

static double largest_difference(const float *a, const float *b, int64_t n)
{
    double largest = 0;
    for (int64_t i = 0; i < n; i++) {
        const double d = fabs((double)a[i] - b[i]);
        if (!(d <= largest)) largest = d;
        if (isnan(d)) return d;
    }
    return largest;
}

static void compare(const shape *s, const inputs *x, request asked, const float *ours)
{
    char detail[96];
    float *theirs = run_flash(s, x, asked);
    const double d = largest_difference(ours, theirs, s->b * s->h * s->n * s->d);
    snprintf(detail, sizeof detail, "%.1e from ggml_flash_attn_ext, limit %.0e", d, s->limit);
    report(d <= s->limit, s->name, request_name[asked], detail);
    free(theirs);
}

static void check_attention(const shape *s, request asked)
{
    inputs x = inputs_open(s, machine.backend);
    const size_t bytes = (size_t)(s->b * s->h * s->n * s->d) * sizeof(float);
    const int phases = asked == STANDARD ? 1 : 2;
    const outcome one = run_guided(s, &x, asked, 1, 1);
    int same = 1;
    for (int threads = 2; threads <= MOST_THREADS; threads++) {
        const outcome more = run_guided(s, &x, asked, threads, threads);
        same &= !memcmp(one.values, more.values, bytes);
        free(more.values);
    }
    const outcome crowded = run_guided(s, &x, asked, 2, MOST_THREADS);
    const int idle = !memcmp(one.values, crowded.values, bytes);
    free(crowded.values);
    report(one.phases >= phases && !one.copies && one.in_place, s->name, request_name[asked],
           one.phases > 1 ? "several phases, no copies" : "one phase, no copies");
    report(same, s->name, request_name[asked], "the same bytes on 1 to 4 threads");
    report(idle, s->name, request_name[asked], "the same bytes on 4 threads with a plan for 2");
    compare(s, &x, asked, one.values);
    free(one.values);
    inputs_close(&x);
}

/* Each layer's result is the next one's queries. */
static float *run_layers(const inputs *x, ag_ggml *g, int layers, sharing memory, size_t *bytes)
{
    graph host = graph_open(memory);
    ag_ggml_inputs in = x->in;
    struct ggml_tensor *out = NULL;
    for (int i = 0; i < layers; i++) {
        out = ag_ggml_attention(g, host.ctx, &in);
        in.q = ggml_permute(host.ctx, out, 0, 2, 1, 3);
    }
    float *values = graph_compute(&host, out, machine.backend, 3);
    *bytes = graph_bytes(&host);
    graph_close(&host);
    return values;
}

/* ggml's allocator must keep result and workspace while a phase needs them, and give the memory back after that. */
static void check_layers(request asked)
{
    const shape s = { "layers", 32, 66, 66, 4, 4, 2, 0, { 1, 6, 11 }, GGML_TYPE_F32, TOKEN_MAJOR, 0, 0 };
    inputs x = inputs_open(&s, machine.backend);
    ag_row rows[MOST_ROWS];
    ag_ggml g;
    size_t bytes[3];
    char why[AG_MESSAGE_SIZE];
    ag_problem p = pose(&s, &x.in, 3);
    set_rows(&s, asked, rows);
    p.rows = rows;
    p.row_count = s.b;
    if (ag_ggml_open(&g, machine.context, &p, why, sizeof why)) stop(why);
    float *apart = run_layers(&x, &g, 9, APART, &bytes[0]), *shared = run_layers(&x, &g, 9, SHARED, &bytes[1]);
    float *two = run_layers(&x, &g, 2, SHARED, &bytes[2]);
    const size_t size = (size_t)(s.b * s.h * s.n * s.d) * sizeof(float);
    report(!memcmp(apart, shared, size), s.name, request_name[asked],
           "nine in a graph, the same bytes in shared memory");
    report(bytes[1] == bytes[2], s.name, request_name[asked], "nine in a graph take the memory of two");
    free(apart);
    free(shared);
    free(two);
    ag_ggml_close(&g);
    inputs_close(&x);
}

static void check_refusals(void)
{
    const shape *s = &shapes[0];
    inputs x = inputs_open(s, machine.backend);
    ag_ggml g;
    ag_row_args half;
    char why[AG_MESSAGE_SIZE];
    struct ggml_tensor quantized = *x.in.k;
    quantized.type = GGML_TYPE_Q8_0;
    ag_problem p = pose(s, &x.in, 1);
    const ag_ggml_inputs in = { x.in.q, &quantized, x.in.v, NULL };
    report(ag_ggml_problem(&p, &in, 1, 1, why, sizeof why) == AG_ERR_TYPE, "refused", "quantized keys", why);
    p.kernel = "attend_ggml";
    report(ag_ggml_open(&g, machine.context, &p, why, sizeof why) == AG_ERR_KERNEL, "refused", "a kernel", why);
    p.operation = AG_MAP;
    p.kernel = "map_openblas";
    report(ag_ggml_open(&g, machine.context, &p, why, sizeof why) == AG_ERR_KERNEL, "refused", "own threads", why);
    p.operation = AG_ATTENTION;
    p.kernel = NULL;
    p.row_count = 1;
    ag_row rows[MOST_ROWS];
    set_rows(s, SMOOTHED, rows);
    p.rows = rows;
    if (ag_ggml_open(&g, machine.context, &p, why, sizeof why)) stop(why);
    ag_row_args_init(&half);
    half.strength = 0.5;
    g.args.rows = &half;
    g.args.row_count = 1;
    report(ag_ggml_check(&g, why, sizeof why) == AG_ERR_VALUE, "refused", "a strength without blend", why);
    ag_ggml_close(&g);
    inputs_close(&x);
}

int main(void)
{
    ag_context_options alone;
    char why[AG_MESSAGE_SIZE];
    setvbuf(stdout, NULL, _IOLBF, 0); /* what passed stays visible should ggml abort */
    ag_context_options_init(&alone);
    alone.threads = 1; /* the threads are ggml's */
    if (ag_context_create(&alone, &machine.context, why, sizeof why)) stop(why);
    machine.backend = ggml_backend_cpu_init();
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (request asked = STANDARD; asked <= (shapes[i].grid[0] ? GUIDED : STANDARD); asked++)
            check_attention(&shapes[i], asked);
    check_layers(STANDARD);
    check_layers(SMOOTHED);
    check_refusals();
    ggml_backend_free(machine.backend);
    ag_context_free(machine.context);
    printf("%d passed, %d failed, 0 skipped\n", passed, failed);
    return failed != 0;
}
