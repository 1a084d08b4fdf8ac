/* demo_report.h - what the demo measured, and the files that tell it. */
#ifndef TOOLS_DEMO_REPORT_H
#define TOOLS_DEMO_REPORT_H

#include "scene.h"

/* Guidance weights tried: -1, -0.98 ... 3, and the number of the weight 1. */
#define WEIGHTS 201
#define WEIGHT_ONE 100

typedef struct result {
    const char *name;  /* of its files */
    const char *title; /* in tables and plots */
    float *pixel;      /* P, or C for standard; [tokens, 3] */
    double psnr, seconds;
    double energy;          /* mean over pixels; NaN: none */
    double guided[WEIGHTS]; /* PSNR of C + w (C - P) */
    int best;               /* of guided: the number of the highest */
} result;

typedef struct report {
    const scene *s;
    result *results; /* [count], the first one C */
    int count;
    picture scratch;    /* as large as the scene */
    const char *folder; /* exists */
} report;

/* Fills in psnr, guided and best of all results. */
void report_measure(report *r);

/* Pictures, table.txt, table.tsv, weights.tsv (PSNR against w) and sheet.tsv (what demo/sheet.gp shows, and where) into
 * the folder; the table also to stdout. */
bool report_write(report *r, fault *why);

#endif
