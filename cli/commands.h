/* commands.h - the commands, each in a file of its own (cmd_<name>.c). */
#ifndef ATTEND_COMMANDS_H
#define ATTEND_COMMANDS_H

#include "opt.h"

extern const command cmd_demo, cmd_train_translate, cmd_train_tag, cmd_train_classify,
    cmd_train_generate, cmd_translate, cmd_tag, cmd_classify, cmd_generate,
    cmd_evaluate, cmd_info, cmd_average, cmd_tokenize, cmd_vocab_train, cmd_vocab_show,
    cmd_bench_train, cmd_bench_translate, cmd_bench_generate, cmd_bench_attention,
    cmd_explain, cmd_explain_model, cmd_explain_positions, cmd_plot, cmd_compare_rnn,
    cmd_compare_window, cmd_help, cmd_version;

#endif
