/* header.c - attnguide.h stands alone, as strict C99 and as C++11. */
#include "attnguide.h"

static void refuse_or_run(ag_context *context)
{
    float q[16] = { 0 }, out[16];
    char why[AG_MESSAGE_SIZE];
    ag_problem problem;
    ag_image image;
    ag_args args;
    ag_problem_init(&problem, 1, 1, 4, 4, 4);
    ag_image_init(&image, 1, 2, 2);
    ag_args_init(&args, q, q, q, out);
    (void)ag_attention_smoothed(context, &problem, &image, 2.0, &args, why, sizeof why);
}

int main(void)
{
    const uint32_t version = AG_VERSION_MAJOR << 16 | AG_VERSION_MINOR << 8 | AG_VERSION_PATCH;
    ag_context *context = NULL;
    if (ag_context_create(NULL, &context, NULL, 0) != AG_OK) return 1;
    refuse_or_run(context);
    ag_context_free(context);
    return ag_version() != version || !ag_version_string() || !ag_status_string(AG_OK);
}
