/* progress.h - a bar on the terminal for work that takes longer than a second.
 *
 * Drawn on stderr by a thread of its own, and only if stderr is a terminal; otherwise every call does nothing. One at
 * a time.
 */
#ifndef TOOLS_PROGRESS_H
#define TOOLS_PROGRESS_H

/* total: the work ahead, in any unit; 0: not known, only the time is shown. */
void progress_begin(double total);

/* Work done so far is `done`; what begins now is called `label`, which must stay valid. */
void progress_step(double done, const char *label);

/* One line on stderr, beside the bar if there is one. */
void progress_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Takes the bar off the screen: call before printing. Without progress_begin() it does nothing. */
void progress_end(void);

#endif
