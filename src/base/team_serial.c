/* team_serial.c - no team at all: builds with ATTEND_THREADS=SERIAL. */
#include "atti_config.h"
#include "base/team.h"

#ifdef ATTEND_THREADS_SERIAL
void atti_team_run(int size, void (*body)(void *ctx, int thread), void *ctx)
{
    (void)size;
    body(ctx, 0);
}
#else
typedef int atti_team_serial_is_absent;
#endif
