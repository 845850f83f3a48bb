#include "commands.h"
static int run(void *o, const cli_list *w)
{
    (void)o;
    (void)w;
    return 1;
}
const command cmd_demo = {.name = "demo",
                          .summary = "d",
                          .usage = "",
                          .size = sizeof(cli_common),
                          .run = run};
