/* subject.h - a problem or a combination of predictions on the device: planned, sent, run, fetched and judged alike. */
#ifndef AG_GPU_SUBJECT_H
#define AG_GPU_SUBJECT_H

#include "mirror.h"

enum { SUBJECT_TEXT = PROBLEM_TEXT };

typedef struct subject {
    problem *x;     /* one of the two */
    combination *c; /* is NULL */
    mirror m;
    char why[SUBJECT_TEXT]; /* of whatever failed last */
} subject;

/* How far from the oracle; `type` 0 float32, 1 float16, 2 bfloat16. allowed 0: the judge has no single number. */
typedef struct marks {
    int type;
    double error, allowed;
} marks;

/* Twins on the device for a built x or c, whose place becomes the device. Nonzero: no memory there. */
int subject_open(subject *s, problem *x, combination *c);
void subject_close(subject *s);

ag_status subject_plan(subject *s, ag_context *context, const char *kernel, ag_plan **plan);

/* A workspace for the plan, and the data into the memory of s; outputs are poison again. */
int subject_send(subject *s, const ag_plan *plan);

/* The data of `from`, which asks alike, into the memory and under the addresses that s has. */
int subject_refill(subject *s, subject *from);
ag_status subject_enqueue(subject *s, const ag_plan *plan, void *stream);

/* What the memory of `at` holds, judged as the answer of s. NULL: right. */
const char *subject_judge(subject *s, const subject *at, marks *m);

/* Why the last call failed, on the device or before it. */
const char *subject_reason(const subject *s);

#endif
