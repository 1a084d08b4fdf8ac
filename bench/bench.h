/* bench.h - what the benchmark measures, and beside what. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "attnguide.h"

enum { MOST_SAMPLES = 64, MOST_CASES = 512 };

/* Seconds of one subject, collected round by round. */
typedef struct samples {
    int n;
    double seconds[MOST_SAMPLES];
} samples;

void sample_add(samples *s, double seconds);
double sample_median(const samples *s);
double sample_spread(const samples *s); /* (third - first quartile) / median */
double clock_now(void);

/* What the machine can do with these threads, measured in the same rounds as everything else. */
typedef struct limits {
    samples fma, bf16, copy, write, read;
    double fma_flop, bf16_flop, copy_bytes; /* per sample; 0: not on this machine */
} limits;

typedef struct crew crew; /* pinned threads, the caller being the first */
crew *crew_make(int threads);
void crew_free(crew *c);
void crew_run(crew *c, void (*body)(void *arg, int worker), void *arg);
void crew_pin_caller(bool pinned);
void limits_sample(limits *l, crew *c, int threads);
double limits_gflops(const limits *l); /* float32 multiply-add peak */
double limits_bf16(const limits *l);
double limits_copy(const limits *l);  /* GB/s, read and written bytes */
double limits_write(const limits *l); /* GB/s, of memory that is only written, */
double limits_read(const limits *l);  /* or only read */

typedef enum limit { LIMIT_FMA, LIMIT_AVX2, LIMIT_BF16, LIMIT_COPY } limit;
double limit_once(limit which, crew *c); /* flop or bytes per second, one sample; 0: not on this machine */

/* One subject. What it computes is in problem and row; kernel "" is the library's choice. */
typedef struct subject {
    char op[40], shape[40], kernel[40];
    ag_dtype dtype;
    int threads, section;
    ag_problem problem;
    ag_row rows[4];
    double flop, bytes, error;
    bool baseline; /* the full matrix through OpenBLAS, not the library */
    int phases[2]; /* [first, last) of the plan, for a step alone; last 0: all of it */
    bool combines; /* predictions: guidance and values say what, problem nothing */
    ag_guidance guidance;
    ag_guidance_args values;
    double weights[AG_MOST_INPUTS], parameters[AG_MOST_PARAMETERS];
    ag_plan *plan;
    ag_args args;
    char refused[AG_MESSAGE_SIZE];
    samples times;
} subject;

typedef struct plan_of_work {
    bool quick;
    const char *only, *json, *table; /* NULL: not wanted */
    int threads[8], n_threads;
} plan_of_work;

int subjects_list(const plan_of_work *work, int threads, subject *list);
bool subject_prepare(subject *s, ag_context *context);
void subject_run(subject *s, crew *c);
void subject_release(subject *s);
bool tensors_make(void); /* shared by all subjects: random, in every type */
void tensors_free(void);
const void *tensor_of(ag_dtype dtype, int which); /* 0 q, 1 k, 2 v */
float *tensor_out(void);
float *tensor_state(void); /* of combinations that keep one: random before the first of them */
int64_t tensor_elements(void);
double subject_error(const subject *s, ag_context *context);

const char *dtype_name(ag_dtype dtype);

bool baseline_ready(void);
void baseline_choose_core(const char *program);
void baseline_run(const subject *s, crew *c);
int baseline_probe(void);

typedef struct report {
    const plan_of_work *work;
    void *json, *table; /* FILE */
    int rows;
} report;

bool report_open(report *r, const plan_of_work *work);
void report_limits(report *r, const limits *l, int threads);
void report_subject(report *r, const subject *s, const limits *l);
bool report_close(report *r);

#endif
