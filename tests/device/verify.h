/* verify.h - gpu-check's judgement of every kernel: cases, golden data, random combinations and random problems, by
 * several processes at once, each with a context of its own on the device. */
#ifndef AG_GPU_VERIFY_H
#define AG_GPU_VERIFY_H

typedef struct verification {
    int workers;            /* processes; 0: this one alone, for tools that follow no others */
    double seconds;         /* no item is begun after that */
    int plans_of_libraries; /* most plans asked of cuDNN */
    int few;                /* nonzero: every 41st case and a few random ones, for tools that slow everything down */
} verification;

/* Writes a record for each kernel and one of the whole. The number of kernels that were wrong. */
int verify(const verification *v);

#endif
