/* png_file.h - RGB pictures in and out of .png files. */
#ifndef TOOLS_PNG_FILE_H
#define TOOLS_PNG_FILE_H

#include <stdint.h>

#include "fault.h"

typedef struct picture {
    int width, height;
    float *pixel; /* [height, width, 3], 0 black .. 1 full; NULL: no picture */
} picture;

/* An uninitialised picture. */
bool picture_make(picture *image, int width, int height, fault *why);
void picture_free(picture *image);

/* Any PNG; grey becomes RGB, transparency is laid on black, 16 bits become 8. */
bool png_file_read(const char *path, picture *image, fault *why);

/* 8 bits per channel; what lies outside 0 .. 1 is cut. */
bool png_file_write(const char *path, const picture *image, fault *why);

#endif
