/* team.h - what a threading backend provides: the same body run by several threads at
 * once. Everything above it (tasks, errors, nesting) is in threads.c; exactly one of
 * team_openmp.c, team_pthread.c and team_serial.c is compiled to something. */
#ifndef ATTI_TEAM_H
#define ATTI_TEAM_H

/* Runs body(ctx, thread) on up to `size` threads with different numbers 0..size-1, the
 * caller among them as number 0, and returns when all have finished. A backend may
 * use fewer threads than asked for (the system refused one): the body takes its work
 * from a counter, so nothing is left undone. Never called inside a body. */
void atti_team_run(int size, void (*body)(void *ctx, int thread), void *ctx);

/* Processors that this program may run on, as it is now; at least 1. */
int atti_processors(void);

#endif
