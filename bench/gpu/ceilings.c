/* ceilings.c - what the device can do in the same run: copies, and products by cuBLAS, which is opened by name and may
 * be absent. */
#include <dlfcn.h>
#include <stdint.h>

#include "../../tests/device/device.h"
#include "timing.h"

/* ---- copies ---- */

enum { MOST_COPIES = 96 };

typedef struct copying {
    void *from[MOST_COPIES], *to[MOST_COPIES];
    size_t size;
} copying;

static int run_copy(void *arg, int set, void *stream)
{
    const copying *c = arg;
    return device_copy(c->to[set], c->from[set], c->size, stream);
}

double ceiling_copy(double bytes, void *stream)
{
    copying c = { .size = (size_t)(bytes / 2) };
    figure f = { .seconds = -1 };
    work w = { run_copy, &c, sets_for(bytes) };
    int bad = 0;
    for (int i = 0; i < w.sets && !bad; i++) {
        c.from[i] = pool_tensor(AG_BF16, c.size / 2, i);
        c.to[i] = device_take(c.size);
        bad = !c.from[i] || !c.to[i];
    }
    if (!bad) bad = measure(&w, stream, &f);
    for (int i = 0; i < w.sets; i++) {
        device_give(c.from[i]);
        device_give(c.to[i]);
    }
    return bad ? -1 : f.seconds;
}

/* ---- products ---- */

/* cublas_api.h: plain C functions and fixed numbers. */
enum { OP_N = 0, OP_T = 1, R_32F = 0, R_16BF = 14, COMPUTE_32F = 68, ALGORITHM_DEFAULT = -1, WORKSPACE = 64 << 20 };

typedef int (*gemm_call)(void *handle, int op_a, int op_b, int m, int n, int k, const void *alpha, const void *a,
                         int type_a, int ld_a, long long stride_a, const void *b, int type_b, int ld_b,
                         long long stride_b, const void *beta, void *c, int type_c, int ld_c, long long stride_c,
                         int batch, int compute, int algorithm);

typedef struct cublas {
    void *handle, *workspace;
    gemm_call gemm;
    int (*set_stream)(void *handle, void *stream);
    int (*set_workspace)(void *handle, void *memory, size_t size);
} cublas;

/* Opened once; the process ends with it. NULL: not here. */
static cublas *open_cublas(void)
{
    static const char *const names[] = { "libcublas.so.13", "libcublas.so.12", "libcublas.so" };
    static cublas c;
    static int tried;
    if (tried) return c.gemm ? &c : NULL;
    tried = 1;
    void *library = NULL;
    for (int i = 0; i < 3 && !library; i++) library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!library) return NULL;
    int (*create)(void **);
    *(void **)&create = dlsym(library, "cublasCreate_v2");
    *(void **)&c.set_stream = dlsym(library, "cublasSetStream_v2");
    *(void **)&c.set_workspace = dlsym(library, "cublasSetWorkspace_v2");
    c.workspace = device_take(WORKSPACE);
    if (!create || !c.set_stream || !c.set_workspace || !c.workspace || create(&c.handle)) return NULL;
    *(void **)&c.gemm = dlsym(library, "cublasGemmStridedBatchedEx");
    return c.gemm ? &c : NULL;
}

/* Setting a stream takes the workspace away, which captured products must have. */
static cublas *cublas_on(void *stream)
{
    cublas *c = open_cublas();
    if (!c || c->set_stream(c->handle, stream) || c->set_workspace(c->handle, c->workspace, WORKSPACE)) return NULL;
    return c;
}

/* One square product, or Q K^T and P V. Arrays are row-major, which cuBLAS reads as transposed. */
typedef struct products {
    cublas *c;
    void *q, *k, *v, *s, *out;
    int batch, n, d, type;
} products;

static const float one = 1, zero;

static int run_square(void *arg, int set, void *stream)
{
    const products *p = arg;
    (void)set, (void)stream;
    return p->c->gemm(p->c->handle, OP_N, OP_N, p->n, p->n, p->n, &one, p->q, p->type, p->n, 0, p->k, p->type, p->n, 0,
                      &zero, p->out, p->type, p->n, 0, 1, COMPUTE_32F, ALGORITHM_DEFAULT);
}

static int run_two(void *arg, int set, void *stream)
{
    const products *p = arg;
    const int64_t nd = (int64_t)p->n * p->d, nn = (int64_t)p->n * p->n;
    (void)set, (void)stream;
    if (p->c->gemm(p->c->handle, OP_T, OP_N, p->n, p->n, p->d, &one, p->k, R_32F, p->d, nd, p->q, R_32F, p->d, nd,
                   &zero, p->s, R_32F, p->n, nn, p->batch, COMPUTE_32F, ALGORITHM_DEFAULT))
        return 1;
    return p->c->gemm(p->c->handle, OP_N, OP_N, p->d, p->n, p->n, &one, p->v, R_32F, p->d, nd, p->s, R_32F, p->n, nn,
                      &zero, p->out, R_32F, p->d, nd, p->batch, COMPUTE_32F, ALGORITHM_DEFAULT);
}

static double measured(products *p, int (*run)(void *, int, void *), size_t count, size_t count_s, void *stream)
{
    const ag_dtype type = p->type == R_32F ? AG_F32 : AG_BF16;
    const work w = { run, p, 1 };
    figure f = { .seconds = 0 };
    p->q = pool_tensor(type, count, 1);
    p->k = pool_tensor(type, count, 2);
    p->v = count_s ? pool_tensor(type, count, 3) : NULL;
    p->s = count_s ? device_take(count_s * sizeof(float)) : NULL;
    p->out = device_take(count * sizeof(float));
    const int bad = !p->q || !p->k || !p->out || (count_s && (!p->v || !p->s)) || measure(&w, stream, &f);
    void *all[] = { p->q, p->k, p->v, p->s, p->out };
    for (int i = 0; i < 5; i++) device_give(all[i]);
    return bad ? 0 : f.seconds;
}

double ceiling_product(ag_dtype type, int small, void *stream)
{
    products p = { .c = cublas_on(stream), .n = small ? 64 : type == AG_F32 ? 4096 : 8192 };
    const double n = p.n;
    p.type = type == AG_F32 ? R_32F : R_16BF;
    if (!p.c) return 0;
    return measured(&p, run_square, (size_t)p.n * (size_t)p.n, 0, stream) / (2 * n * n * n);
}

double ceiling_two_products(int batch, int n, int d, void *stream)
{
    products p = { .c = cublas_on(stream), .batch = batch, .n = n, .d = d, .type = R_32F };
    const size_t rows = (size_t)batch * (size_t)n;
    return p.c ? measured(&p, run_two, rows * (size_t)d, rows * (size_t)n, stream) : 0;
}
