/* plugin.h - the CUDA backend, for who lists the backends. */
#ifndef AG_CUDA_PLUGIN_H
#define AG_CUDA_PLUGIN_H

#include "../program/backend.h"

/* The CUDA backend if it can be loaded, else one without kernels that says why. */
const ag_backend *ag_cuda_here(void);

#endif
