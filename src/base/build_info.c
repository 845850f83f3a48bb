/* build_info.c - how this library was built and what it was built with, for people. */
#include "attend/base.h"

#include "atti_config.h"

#ifdef ATTI_HAVE_OPENMP
#define OPENMP "yes"
#else
#define OPENMP "no"
#endif
#ifdef ATTI_HAVE_ONEDNN
#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)
#define ONEDNN     "yes, version " TEXT(ATTI_ONEDNN_MAJOR)
#else
#define ONEDNN "no: own matrix products"
#endif
#ifdef ATTI_HAVE_SENTENCEPIECE
#define SENTENCEPIECE "yes"
#else
#define SENTENCEPIECE "no: no sub-word vocabularies"
#endif
#ifdef ATTI_HAVE_JANSSON
#define JANSSON "yes"
#else
#define JANSSON "no: model directories cannot be read"
#endif
#ifdef ATTI_HAVE_UTF8PROC
#define UTF8PROC "yes"
#else
#define UTF8PROC "no: BLEU without intl, lower case of ASCII only"
#endif
#ifdef ATTI_HAVE_CAIRO
#define CAIRO "yes"
#else
#define CAIRO "no: no pictures as PNG or PDF"
#endif
#ifdef ATTI_HAVE_FONTCONFIG
#define FONTCONFIG "yes"
#else
#define FONTCONFIG "no: no pictures as PNG or PDF"
#endif

const char *att_build_info(void)
{
    return "compiler         " ATTI_BUILD_COMPILER "\n"
           "build            " ATTI_BUILD_TYPE ", " ATTI_BUILD_SYSTEM "\n"
           "threads by       " ATTI_BUILD_THREADS "\n"
           "OpenMP           " OPENMP "\n"
           "oneDNN           " ONEDNN "\n"
           "SentencePiece    " SENTENCEPIECE "\n"
           "jansson          " JANSSON "\n"
           "utf8proc         " UTF8PROC "\n"
           "cairo            " CAIRO "\n"
           "fontconfig       " FONTCONFIG "\n";
}
