/* faults.h - allocations and threads that cannot be had. The program is linked with --wrap for what faults.c wraps. */
#ifndef AG_TEST_FAULTS_H
#define AG_TEST_FAULTS_H

/* From now on the `at`-th allocation or thread is refused (0: none), and with `all` every later one. */
void faults_begin(long at, int all);

/* Returns how many were asked for since. */
long faults_end(void);

/* Allocations not freed and threads not joined. */
long faults_live(void);

#endif
