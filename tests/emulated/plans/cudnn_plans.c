/* cudnn_plans.c - device-less cuDNN plans for the shapes of diffusion models: cudnn_plans DEVICE.json ...
 *
 * For each described device every shape is planned, and the table says which engine takes it. Then what the cache and
 * the plan file promise is tried on one device. No plan is run: that takes a device. Ends with "N passed, N failed, N
 * skipped". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../../src/cuda/cudnn.h"

static int passed, failed;

static void expect(int holds, const char *what, const char *why)
{
    if (holds) passed++;
    else failed++;
    if (!holds) printf("FAILED %s: %s\n", what, why);
}

/* ---- shapes ---- */

typedef enum layout { BHND, BNHD, FUSED } layout;

typedef struct shape {
    const char *name;
    int64_t b, h, h_kv, n, m, d, d_v;
    layout how;
    ag_dtype type;
    int stats;
} shape;

static const shape shapes[] = {
    { "SDXL 32x32", 2, 20, 20, 1024, 1024, 64, 64, BNHD, AG_F16, 0 },
    { "SDXL 64x64", 3, 10, 10, 4096, 4096, 64, 64, BNHD, AG_F16, 0 },
    { "SDXL 64x64, text", 2, 10, 10, 4096, 77, 64, 64, BNHD, AG_F16, 0 },
    { "SD 1.5 64x64", 2, 8, 8, 4096, 4096, 40, 40, BNHD, AG_F16, 0 },
    { "SD 1.5 16x16", 2, 8, 8, 256, 256, 160, 160, BNHD, AG_F16, 1 },
    { "SD3", 2, 24, 24, 4250, 4250, 64, 64, BNHD, AG_F16, 0 },
    { "Flux", 1, 24, 24, 4608, 4608, 128, 128, BHND, AG_BF16, 1 },
    { "Flux, image queries", 1, 24, 24, 4096, 4608, 128, 128, BHND, AG_BF16, 1 },
    { "video", 1, 24, 24, 32760, 32760, 128, 128, BNHD, AG_BF16, 0 },
    { "fused QKV", 2, 10, 10, 4096, 4096, 64, 64, FUSED, AG_BF16, 1 },
    { "fused QKV, odd", 2, 3, 3, 1031, 1031, 80, 80, FUSED, AG_F16, 0 },
    { "grouped heads", 2, 32, 8, 2048, 2048, 128, 128, BNHD, AG_BF16, 1 },
    { "one shared head", 1, 12, 1, 1000, 1000, 64, 64, BHND, AG_F16, 0 },
    { "one query", 2, 10, 10, 1, 4096, 64, 64, BNHD, AG_F16, 1 },
    { "16 queries", 1, 24, 24, 16, 4608, 128, 128, BHND, AG_BF16, 0 },
    { "one key", 1, 2, 2, 64, 1, 64, 64, BHND, AG_F16, 1 },
    { "odd lengths", 1, 5, 5, 1009, 2053, 64, 64, BHND, AG_BF16, 1 },
    { "d_v above d", 1, 4, 4, 512, 512, 64, 128, BNHD, AG_F16, 0 },
    { "d_v below d", 1, 4, 4, 512, 512, 128, 64, BHND, AG_BF16, 1 },
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static const int64_t widths[] = { 8, 16, 24, 32, 48, 56, 72, 88, 96, 104, 120, 136, 152, 192, 248, 256 };
enum { WIDTHS = sizeof widths / sizeof *widths };

static void place(int64_t stride[3], layout how, int64_t heads, int64_t tokens, int64_t width)
{
    const int64_t fused = how == FUSED ? 3 * heads * width : heads * width;
    stride[0] = tokens * fused;
    stride[1] = how == BHND ? tokens * width : width;
    stride[2] = how == BHND ? width : fused;
}

static ag_sdpa problem_of(const shape *s)
{
    ag_sdpa p = { .type = s->type, .b = s->b, .h = s->h, .h_kv = s->h_kv, .n = s->n, .m = s->m, .d = s->d };
    p.d_v = s->d_v;
    place(p.q, s->how, s->h, s->n, s->d);
    place(p.k, s->how, s->h_kv, s->m, s->d);
    place(p.v, s->how, s->h_kv, s->m, s->d_v);
    place(p.out, s->how == FUSED ? BNHD : s->how, s->h, s->n, s->d_v);
    p.stats = s->stats;
    /* of a row of m tokens, of which the queries may be some: an image beside text */
    const int64_t row = s->n > s->m ? s->n : s->m;
    p.lse[0] = s->h * row;
    p.lse[1] = row;
    p.lse[2] = 1;
    return p;
}

/* ---- the table ---- */

static double seconds(void) { return (double)clock() / CLOCKS_PER_SEC; }

static void plan_shape(const shape *s, const char *device, const char *properties)
{
    static const char *const layouts[] = { "BHND", "BNHD", "fused" };
    const ag_sdpa what = problem_of(s);
    char why[AG_MESSAGE_SIZE] = "";
    ag_sdpa_plan *plan;
    const double from = seconds();
    const ag_status status =
        ag_sdpa_borrow(&what, &(ag_sdpa_place){ 0, properties }, &plan, (ag_why){ why, sizeof why });
    printf("%-7s %-20s %2lld %2lld/%-2lld %5lld x %-5lld %3lld %3lld %-5s %-4s %-5s ", device, s->name, (long long)s->b,
           (long long)s->h, (long long)s->h_kv, (long long)s->n, (long long)s->m, (long long)s->d, (long long)s->d_v,
           layouts[s->how], s->type == AG_F16 ? "f16" : "bf16", s->stats ? "stats" : "");
    if (status) printf("none: %s\n", why);
    else
        printf("engine %2lld, workspace %6zu, %.2f s\n", (long long)ag_sdpa_engine(plan), ag_sdpa_workspace(plan),
               seconds() - from);
    expect(!status, s->name, why);
    ag_sdpa_return(plan);
}

static void plan_device(const char *device, const char *properties)
{
    for (int i = 0; i < SHAPES; i++) plan_shape(&shapes[i], device, properties);
    for (int i = 0; i < WIDTHS; i++) {
        const shape s = {
            "width", 2, 3, 3, 1000 + i, 1000 + i, widths[i], widths[i], i % 3 ? BNHD : BHND, i % 2 ? AG_BF16 : AG_F16,
            i % 2
        };
        plan_shape(&s, device, properties);
    }
}

/* ---- the cache ---- */

static ag_sdpa_plan *borrow(const ag_sdpa *what, const char *properties)
{
    ag_sdpa_plan *plan;
    char why[AG_MESSAGE_SIZE] = "";
    const ag_status status =
        ag_sdpa_borrow(what, &(ag_sdpa_place){ 0, properties }, &plan, (ag_why){ why, sizeof why });
    expect(!status, "a plan for the cache", why);
    return plan;
}

/* Whatever a plan depends on tells it from others; the same once more is the same plan. */
static void try_cache(const char *properties, const char *other)
{
    const shape s = { "cache", 2, 4, 4, 256, 256, 64, 64, BNHD, AG_F16, 0 };
    const ag_sdpa what = problem_of(&s);
    ag_sdpa_plan *plan[6];
    ag_sdpa changed[5] = { what, what, what, what, what };
    changed[1].k[0] += 64; /* nothing but a stride */
    changed[2].type = AG_BF16;
    changed[3].stats = 1;
    changed[4].h_kv = 2;
    for (int i = 0; i < 5; i++) plan[i] = borrow(&changed[i], properties);
    plan[5] = borrow(&what, other);
    expect(plan[0] && plan[0] == borrow(&what, properties), "the same problem again", "another plan");
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < i; j++) expect(plan[i] != plan[j], "problems that differ", "share a plan");
    ag_sdpa_return(plan[0]);
    for (int i = 0; i < 6; i++)
        if (plan[i]) ag_sdpa_return(plan[i]);
}

/* Where one plan came from, in a word; the plan file is where AG_CUDNN_PLANS says. */
static int print_origin(const char *properties)
{
    static const char *const words[] = { "built", "loaded", "shared" };
    const shape s = { "file", 1, 4, 4, 128, 128, 64, 64, BNHD, AG_F16, 0 };
    const ag_sdpa what = problem_of(&s);
    ag_sdpa_plan *plan = borrow(&what, properties);
    if (plan) puts(words[ag_sdpa_origin_of(plan)]);
    return !plan;
}

static const char *read_text(const char *name)
{
    char *text = calloc(1, 1 << 16);
    FILE *file = fopen(name, "rb");
    if (!file || !text || !fread(text, 1, (1 << 16) - 1, file)) {
        printf("cannot read %s\n", name);
        exit(2);
    }
    fclose(file);
    return text;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (ag_cudnn_unavailable()) {
        printf("skipped: %s\n0 passed, 0 failed, 1 skipped\n", ag_cudnn_unavailable());
        return 0;
    }
    if (argc == 3 && !strcmp(argv[1], "--origin")) return print_origin(read_text(argv[2]));
    printf("%s\n", ag_cudnn_detail());
    const char *first = NULL, *last = NULL;
    for (int i = 1; i < argc; i++) {
        const char *slash = strrchr(argv[i], '/'), *base = slash ? slash + 1 : argv[i];
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(base + 3, "_.") + 3, base);
        printf("%s\n", argv[i]);
        last = read_text(argv[i]);
        if (!first) first = last;
        plan_device(name, last);
    }
    if (first != last) try_cache(first, last);
    printf("%.0f seconds of one core\n", seconds());
    printf("%d passed, %d failed, 0 skipped\n", passed, failed);
    return failed != 0;
}
