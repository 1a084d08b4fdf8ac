/* limits.c - the machine's own limits: multiply-add peak in float32 and bf16, copy bandwidth; and the pinned threads
 * all of the benchmark runs on. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "../src/cpu/pool.h"
#include "../src/os.h"
#include "bench.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { FMA_ROUNDS = 1000000, COPY_BYTES = 64 << 20 };

/* ---- threads ---- */

struct crew {
    ag_pool *pool;
    int threads;
    char *from, *to;
};

crew *crew_make(int threads)
{
    crew *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->threads = threads;
    c->from = ag_os_alloc(COPY_BYTES);
    c->to = ag_os_alloc(COPY_BYTES);
    if (threads > 1) c->pool = ag_pool_create(threads, 1);
    if (!c->from || !c->to || (threads > 1 && !c->pool)) {
        crew_free(c);
        return NULL;
    }
    memset(c->from, 1, COPY_BYTES);
    memset(c->to, 2, COPY_BYTES);
    return c;
}

void crew_free(crew *c)
{
    if (!c) return;
    ag_pool_free(c->pool);
    ag_os_free(c->from);
    ag_os_free(c->to);
    free(c);
}

void crew_run(crew *c, void (*body)(void *, int), void *arg)
{
    if (!c->pool || !ag_pool_run(c->pool, c->threads, body, arg)) body(arg, 0);
}

/* The caller is the first of the threads; OpenBLAS, which places its own, wants it free again. */
void crew_pin_caller(bool pinned)
{
    static cpu_set_t free_set;
    static bool known;
    if (!known) known = sched_getaffinity(0, sizeof free_set, &free_set) == 0;
    if (pinned) ag_thread_pin(0);
    else if (known) sched_setaffinity(0, sizeof free_set, &free_set);
}

/* ---- multiply-adds ---- */

static volatile float sink;

#if defined(__x86_64__)
#define TWELVE(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)

__attribute__((target("avx512f"))) static void fma_avx512(void *arg, int worker)
{
    (void)arg, (void)worker;
    __m512 x = _mm512_set1_ps(0.999f), y = _mm512_set1_ps(1e-3f);
#define MAKE(i) __m512 a##i = _mm512_set1_ps(i);
    TWELVE(MAKE)
    for (int r = 0; r < FMA_ROUNDS; r++) {
#define STEP(i) a##i = _mm512_fmadd_ps(a##i, x, y);
        TWELVE(STEP)
        __asm__ volatile("" : "+v"(x), "+v"(y));
    }
#define SUM(i) y = _mm512_add_ps(y, a##i);
    TWELVE(SUM)
    sink = _mm512_reduce_add_ps(y);
#undef MAKE
#undef STEP
#undef SUM
}

__attribute__((target("avx512f,avx512bf16"))) static void bf16_avx512(void *arg, int worker)
{
    (void)arg, (void)worker;
    __m512i x = _mm512_set1_epi32(0x3f003f00);
    __m512 y = _mm512_setzero_ps();
#define MAKE(i) __m512 a##i = _mm512_set1_ps(i);
    TWELVE(MAKE)
    for (int r = 0; r < FMA_ROUNDS; r++) {
#define STEP(i) a##i = _mm512_dpbf16_ps(a##i, (__m512bh)x, (__m512bh)x);
        TWELVE(STEP)
        __asm__ volatile("" : "+v"(x));
    }
#define SUM(i) y = _mm512_add_ps(y, a##i);
    TWELVE(SUM)
    sink = _mm512_reduce_add_ps(y);
#undef MAKE
#undef STEP
#undef SUM
}

__attribute__((target("avx2,fma"))) static void fma_avx2(void *arg, int worker)
{
    (void)arg, (void)worker;
    __m256 x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(1e-3f);
#define MAKE(i) __m256 a##i = _mm256_set1_ps(i);
    TWELVE(MAKE)
    for (int r = 0; r < FMA_ROUNDS; r++) {
#define STEP(i) a##i = _mm256_fmadd_ps(a##i, x, y);
        TWELVE(STEP)
        __asm__ volatile("" : "+x"(x), "+x"(y));
    }
#define SUM(i) y = _mm256_add_ps(y, a##i);
    TWELVE(SUM)
    sink = ((float *)&y)[0];
#undef MAKE
#undef STEP
#undef SUM
}
#endif

typedef struct loop {
    void (*body)(void *, int);
    double flop; /* or bytes, per thread and sample */
} loop;

/* The library has asked the processor: what a kernel of its own needs is here. */
static int runs(const char *kernel)
{
    ag_kernel_info info;
    ag_kernel_info_init(&info);
    for (int i = 0; !ag_kernel_at(i, &info); i++)
        if (!strcmp(info.name, kernel)) return !info.unavailable;
    return 0;
}

static loop avx2_loop(void)
{
#if defined(__x86_64__)
    if (runs("attend_f32_avx2")) return (loop){ fma_avx2, 12.0 * 8 * 2 * FMA_ROUNDS };
#endif
    return (loop){ NULL, 0 };
}

static loop fma_loop(void)
{
#if defined(__x86_64__)
    if (runs("attend_f32_avx512")) return (loop){ fma_avx512, 12.0 * 16 * 2 * FMA_ROUNDS };
#endif
    return avx2_loop();
}

static loop bf16_loop(void)
{
#if defined(__x86_64__)
    if (runs("attend_bf16_avx512bf16")) return (loop){ bf16_avx512, 12.0 * 32 * 2 * FMA_ROUNDS };
#endif
    return (loop){ NULL, 0 };
}

/* ---- copy ---- */

/* Stores that bypass the caches, where there are such: what a copy that nobody reads at once can reach. */
static void copy_part(void *arg, int worker)
{
    const crew *c = arg;
    const size_t part = COPY_BYTES / (size_t)c->threads / 64 * 64, at = part * (size_t)worker;
#if defined(__x86_64__)
    for (size_t i = at; i < at + part; i += 16)
        _mm_stream_ps((float *)(c->to + i), _mm_load_ps((const float *)(c->from + i)));
    _mm_sfence();
#else
    memcpy(c->to + at, c->from + at, part);
#endif
}

/* What is written and never read, as a broadcast is. */
static void write_part(void *arg, int worker)
{
    const crew *c = arg;
    const size_t part = COPY_BYTES / (size_t)c->threads / 64 * 64, at = part * (size_t)worker;
#if defined(__x86_64__)
    for (size_t i = at; i < at + part; i += 16) _mm_stream_ps((float *)(c->to + i), _mm_set1_ps(1));
    _mm_sfence();
#else
    memset(c->to + at, 1, part);
#endif
}

/* What is read and reduced to next to nothing, as by statistics: four places at once, vectors of the compiler's. */
static void read_part(void *arg, int worker)
{
    typedef float quad __attribute__((vector_size(16)));
    const crew *c = arg;
    const size_t part = COPY_BYTES / (size_t)c->threads / 256 * 256, at = part * (size_t)worker;
    quad sum[4] = { { 0 } };
    for (size_t i = at; i < at + part; i += 64)
        for (int k = 0; k < 4; k++) sum[k] += *(const quad *)(c->from + i + 16 * (size_t)k);
    sink = sum[0][0] + sum[1][1] + sum[2][2] + sum[3][3];
}

/* ---- samples ---- */

static void sample(samples *s, crew *c, void (*body)(void *, int))
{
    const double start = clock_now();
    crew_run(c, body, c);
    sample_add(s, clock_now() - start);
}

void limits_sample(limits *l, crew *c, int threads)
{
    const loop fma = fma_loop(), bf16 = bf16_loop();
    crew_pin_caller(true);
    if (fma.body) sample(&l->fma, c, fma.body);
    if (bf16.body) sample(&l->bf16, c, bf16.body);
    sample(&l->copy, c, copy_part);
    sample(&l->write, c, write_part);
    sample(&l->read, c, read_part);
    crew_pin_caller(false);
    l->fma_flop = fma.flop * threads;
    l->bf16_flop = bf16.flop * threads;
    l->copy_bytes = 2.0 * COPY_BYTES;
}

double limit_once(limit which, crew *c)
{
    const loop loops[] = { [LIMIT_FMA] = fma_loop(),
                           [LIMIT_AVX2] = avx2_loop(),
                           [LIMIT_BF16] = bf16_loop(),
                           [LIMIT_COPY] = { copy_part, 2.0 * COPY_BYTES / c->threads } };
    if (!loops[which].body) return 0;
    const double start = clock_now();
    crew_run(c, loops[which].body, c);
    return loops[which].flop * c->threads / (clock_now() - start);
}

static double rate(const samples *s, double work) { return s->n ? work / sample_median(s) * 1e-9 : 0; }

double limits_gflops(const limits *l) { return rate(&l->fma, l->fma_flop); }
double limits_bf16(const limits *l) { return rate(&l->bf16, l->bf16_flop); }
double limits_copy(const limits *l) { return rate(&l->copy, l->copy_bytes); }
double limits_write(const limits *l) { return rate(&l->write, l->copy_bytes / 2); }
double limits_read(const limits *l) { return rate(&l->read, l->copy_bytes / 2); }
