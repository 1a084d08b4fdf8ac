/* properties.h - what the device and NVIDIA's libraries beside it are, for the report; and cuDNN's description of the
 * device, with which plans are made where there is none. */
#ifndef AG_GPU_PROPERTIES_H
#define AG_GPU_PROPERTIES_H

/* A record per property. `fixture`: where cuDNN's description goes, NULL: nowhere. Nonzero: there is a cuDNN, and it
 * could not be had. */
int properties(const char *fixture);

#endif
