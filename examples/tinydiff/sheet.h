/* sheet.h - pictures side by side, magnified, with a green frame where they are valid and a red one where not. */
#ifndef TINYDIFF_SHEET_H
#define TINYDIFF_SHEET_H

#include <stdbool.h>
#include <stdint.h>

/* pictures [rows columns][PICTURE]. False: why[256] says what is wrong. */
bool sheet_write(const char *path, const float *pictures, int rows, int columns, char *why);

#endif
