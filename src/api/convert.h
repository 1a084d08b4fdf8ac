/* convert.h - the noise and the clean sample as weights of x and of what a model predicts, x = alpha x0 + sigma eps. */
#ifndef AG_CONVERT_H
#define AG_CONVERT_H

#include "../program/problem.h"

/* A quantity as weights of x and of the prediction; undefined: a division by zero was met on the way. */
typedef struct ag_form {
    double x, prediction;
    int undefined;
} ag_form;

ag_form ag_form_noise(ag_prediction from, double alpha, double sigma);
ag_form ag_form_clean(ag_prediction from, double alpha, double sigma);

/* The word for it in messages. */
const char *ag_prediction_name(ag_prediction prediction);

#endif
