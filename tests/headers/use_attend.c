/* use_attend.c - the shared library from plain C99: the header and the library agree. */
#include "attend/attend.h"

#include <stdio.h>
#include <string.h>

int main(void)
{
    if (att_abi_version() != ATT_ABI_VERSION ||
        strcmp(att_version(), ATT_VERSION_STRING)) {
        fprintf(stderr, "library %s (ABI %d), header %s (ABI %d)\n", att_version(),
                (int)att_abi_version(), ATT_VERSION_STRING, ATT_ABI_VERSION);
        return 1;
    }
    return att_threads() >= 1 ? 0 : 1;
}
