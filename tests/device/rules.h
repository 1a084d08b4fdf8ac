/* rules.h - what a host engine expects of a run on the device, each judged on every operation: capture in a graph and
 * replays with changed inputs, two streams at once, no memory taken, the current device and an error not yet fetched
 * left alone; and what happens where there is no memory, or a pointer lies otherwise than promised. */
#ifndef AG_GPU_RULES_H
#define AG_GPU_RULES_H

/* A record per rule and operation. How many were broken. */
int rules(double seconds);

#endif
