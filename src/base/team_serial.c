/* team_serial.c - no team at all: builds with ATTEND_THREADS=SERIAL. */
#include "atti_config.h"
#include "base/team.h"

#if !defined(ATTI_HAVE_OPENMP) && !defined(ATTEND_THREADS_PTHREAD)
void atti_team_run(int size, void (*body)(void *ctx, int thread), void *ctx)
{
    (void)size;
    body(ctx, 0);
}
#else
typedef int atti_team_serial_is_absent;
#endif
