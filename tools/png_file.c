/* png_file.c - RGB pictures in and out of .png files, by libpng's simplified interface. */
#include "png_file.h"

#include <math.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST_SIDE 8192 /* 200 MB as bytes: above any use of this tool, and no product below overflows */

bool picture_make(picture *image, int width, int height, fault *why)
{
    *image = (picture){ .width = width, .height = height };
    image->pixel = malloc((size_t)width * (size_t)height * 3 * sizeof *image->pixel);
    return image->pixel ? true : fault_set(why, "there is no memory for a picture of %d x %d", width, height);
}

void picture_free(picture *image)
{
    free(image->pixel);
    *image = (picture){ 0 };
}

static bool decode(png_image *file, const char *path, picture *image, fault *why)
{
    if (file->width > LARGEST_SIDE || file->height > LARGEST_SIDE)
        return fault_set(why, "%s: its sides of %u x %u pixels are beyond %d", path, file->width, file->height,
                         LARGEST_SIDE);
    file->format = PNG_FORMAT_RGB;
    unsigned char *bytes = malloc(PNG_IMAGE_SIZE(*file));
    if (bytes == NULL) return fault_set(why, "there is no memory for %s", path);
    const png_color black = { 0, 0, 0 };
    bool good = png_image_finish_read(file, &black, bytes, 0, NULL) != 0;
    if (!good) fault_set(why, "%s: %s", path, file->message);
    good = good && picture_make(image, (int)file->width, (int)file->height, why);
    for (size_t i = 0; good && i < PNG_IMAGE_SIZE(*file); i++) image->pixel[i] = (float)bytes[i] / 255.0f;
    free(bytes);
    return good;
}

bool png_file_read(const char *path, picture *image, fault *why)
{
    *image = (picture){ 0 };
    png_image file = { .version = PNG_IMAGE_VERSION };
    if (!png_image_begin_read_from_file(&file, path)) return fault_set(why, "%s: %s", path, file.message);
    bool good = decode(&file, path, image, why);
    png_image_free(&file);
    return good;
}

bool png_file_write(const char *path, const picture *image, fault *why)
{
    png_image file = { .version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB };
    file.width = (png_uint_32)image->width;
    file.height = (png_uint_32)image->height;
    unsigned char *bytes = malloc(PNG_IMAGE_SIZE(file));
    if (bytes == NULL) return fault_set(why, "there is no memory for %s", path);
    for (size_t i = 0; i < PNG_IMAGE_SIZE(file); i++)
        bytes[i] = (unsigned char)lrintf(255.0f * fminf(fmaxf(image->pixel[i], 0.0f), 1.0f));
    bool good = png_image_write_to_file(&file, path, 0, bytes, 0, NULL) != 0;
    free(bytes);
    return good ? true : fault_set(why, "%s cannot be written: %s", path, file.message);
}
