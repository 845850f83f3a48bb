/* fuzz_state.c - a checkpoint's state.json from a stranger: refused, or numbers in the
 * ranges that a training goes on from; and compared with the options of one. */
#include "fuzz_file.h"
#include "train/trainer.h"
#include <math.h>

static void want(int good)
{
    if (!good) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static atti_trainer trainer;
    atti_train_state s;
    int regular = -1;
    att_train_opts_init(&trainer.o);
    fuzz_write("state.json", data, size);
    if (atti_train_state_same(&trainer, fuzz_dir()) != ATT_OK &&
        !att_error_message()[0])
        abort();
    if (atti_train_state_read(&s, &regular, fuzz_dir()) != ATT_OK) return 0;
    want(regular == 0 || regular == 1);
    want(s.update >= 0 && s.pos.epoch >= 0 && s.pos.batch >= 0 && s.seen >= 0);
    want(isfinite(s.elapsed_s) && isfinite(s.done_warm) && isfinite(s.lr_scale));
    want(isfinite(s.best_nll) && isfinite(s.best_score) && isfinite(s.since.loss));
    return 0;
}
