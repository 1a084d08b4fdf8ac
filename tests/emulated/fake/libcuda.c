/* libcuda.c - a CUDA driver that is not there: the calls that cuDNN makes while it compiles a plan for a device
 * that is only described. They succeed and do nothing; no plan made over them can run. */
typedef int result;

result cuLibraryLoadData(void **library, const void *code, void *options, void **values, unsigned n, void *more,
                         void **others, unsigned m);
result cuLibraryUnload(void *library);
result cuLibraryGetKernel(void **kernel, void *library, const char *name);
result cuKernelGetFunction(void **function, void *kernel);
result cuKernelSetAttribute(int attribute, int value, void *kernel, int device);
result cuModuleLoadData(void **module, const void *image);
result cuModuleGetFunction(void **function, void *module, const char *name);

static char there; /* something to point to */

result cuLibraryLoadData(void **library, const void *code, void *options, void **values, unsigned n, void *more,
                         void **others, unsigned m)
{
    (void)code, (void)options, (void)values, (void)n, (void)more, (void)others, (void)m;
    *library = &there;
    return 0;
}

result cuLibraryUnload(void *library)
{
    (void)library;
    return 0;
}

result cuLibraryGetKernel(void **kernel, void *library, const char *name)
{
    (void)library, (void)name;
    *kernel = &there;
    return 0;
}

result cuKernelGetFunction(void **function, void *kernel)
{
    (void)kernel;
    *function = &there;
    return 0;
}

result cuKernelSetAttribute(int attribute, int value, void *kernel, int device)
{
    (void)attribute, (void)value, (void)kernel, (void)device;
    return 0;
}

result cuModuleLoadData(void **module, const void *image)
{
    (void)image;
    *module = &there;
    return 0;
}

result cuModuleGetFunction(void **function, void *module, const char *name)
{
    (void)module, (void)name;
    *function = &there;
    return 0;
}

/* ---- calls that are looked for and not made: there is only the stub of a driver here ---- */

result absent(void);
result absent(void) { return 34; }

result cuCtxGetCurrent(void) __attribute__((alias("absent")));
result cuCtxGetLimit(void) __attribute__((alias("absent")));
result cuCtxPopCurrent(void) __attribute__((alias("absent")));
result cuCtxPushCurrent(void) __attribute__((alias("absent")));
result cuDeviceGet(void) __attribute__((alias("absent")));
result cuDeviceGetCount(void) __attribute__((alias("absent")));
result cuDriverGetVersion(void) __attribute__((alias("absent")));
result cuGetErrorName(void) __attribute__((alias("absent")));
result cuGetErrorString(void) __attribute__((alias("absent")));
result cuKernelGetAttribute(void) __attribute__((alias("absent")));
result cuLaunchCooperativeKernel(void) __attribute__((alias("absent")));
result cuLaunchKernel(void) __attribute__((alias("absent")));
result cuLaunchKernelEx(void) __attribute__((alias("absent")));
result cuLibraryLoadFromFile(void) __attribute__((alias("absent")));
result cuLinkAddData(void) __attribute__((alias("absent")));
result cuLinkComplete(void) __attribute__((alias("absent")));
result cuLinkCreate(void) __attribute__((alias("absent")));
result cuLinkDestroy(void) __attribute__((alias("absent")));
result cuOccupancyMaxPotentialClusterSize(void) __attribute__((alias("absent")));
result cuStreamGetCtx(void) __attribute__((alias("absent")));
