/* record.h - results as flat JSON objects, one in a line, at the end of a file that the report is made from. */
#ifndef AG_GPU_RECORD_H
#define AG_GPU_RECORD_H

/* Records go to `path` (appended) from now on; NULL: standard output. Nonzero: it cannot be opened. */
int record_open(const char *path);
void record_close(void);

void record_begin(const char *kind);
void record_text(const char *key, const char *value);
void record_number(const char *key, double value); /* null where it is not finite */
void record_end(void);

#endif
