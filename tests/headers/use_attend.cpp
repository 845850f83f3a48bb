// use_attend.cpp - the same from C++11: linkage, enums, no keywords as names.
#include "attend/attend.h"

#include <cstdio>
#include <string>

int main()
{
    if (att_abi_version() != ATT_ABI_VERSION ||
        std::string(att_version()) != ATT_VERSION_STRING) {
        std::fprintf(stderr, "library %s, header %s\n", att_version(),
                     ATT_VERSION_STRING);
        return 1;
    }
    att_status st = ATT_OK;
    return st == ATT_OK && att_threads() >= 1 ? 0 : 1;
}
