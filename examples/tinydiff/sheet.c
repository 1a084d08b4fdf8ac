/* sheet.c - see sheet.h. */
#include "sheet.h"
#include "../../tools/png_file.h"
#include "pictures.h"
#include <stdio.h>

enum { ZOOM = 4, FRAME_WIDTH = 2, GAP = 2, CELL = SIDE * ZOOM + 2 * FRAME_WIDTH + GAP };

static void put(picture *to, int y, int x, const float *rgb)
{
    for (int c = 0; c < 3; c++) to->pixel[(y * to->width + x) * 3 + c] = rgb[c];
}

static void draw(picture *to, int top, int left, const float *from)
{
    static const float frames[2][3] = { { .85f, .1f, .1f }, { .1f, .65f, .2f } };
    const float *frame = frames[picture_judge(from).valid];
    const int side = SIDE * ZOOM + 2 * FRAME_WIDTH;
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            const int py = y - FRAME_WIDTH, px = x - FRAME_WIDTH;
            float rgb[3];
            if (py < 0 || px < 0 || py >= SIDE * ZOOM || px >= SIDE * ZOOM) {
                put(to, top + y, left + x, frame);
                continue;
            }
            for (int c = 0; c < CHANNELS; c++) rgb[c] = (from[(c * SIDE + py / ZOOM) * SIDE + px / ZOOM] + 1) / 2;
            put(to, top + y, left + x, rgb);
        }
}

bool sheet_write(const char *path, const float *pictures, int rows, int columns, char *why)
{
    fault f = { "" };
    picture sheet;
    bool good = picture_make(&sheet, columns * CELL + GAP, rows * CELL + GAP, &f);
    if (good) {
        for (int i = 0; i < sheet.width * sheet.height * 3; i++) sheet.pixel[i] = 1;
        for (int i = 0; i < rows * columns; i++)
            draw(&sheet, GAP + i / columns * CELL, GAP + i % columns * CELL, pictures + i * PICTURE);
        good = png_file_write(path, &sheet, &f);
    }
    picture_free(&sheet);
    if (!good) snprintf(why, 256, "%.255s", f.text);
    return good;
}
