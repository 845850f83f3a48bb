/* team_openmp.c - the team is OpenMP's, which is also oneDNN's: one set of threads that
 * do not fight over the processors. */
#include "atti_config.h"
#include "base/team.h"

#ifdef ATTEND_THREADS_OPENMP
#include <omp.h>

void atti_team_run(int size, void (*body)(void *ctx, int thread), void *ctx)
{
    /* Always the full size, however few the tasks: libgomp ends the surplus threads
     * of a smaller team and has to create them again for the next large one. */
#pragma omp parallel num_threads(size)
    body(ctx, omp_get_thread_num());
}
#else
typedef int atti_team_openmp_is_absent;
#endif
