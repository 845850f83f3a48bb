/* page.h - the page's three parts as they lie in src/view/page/, made into arrays by
 * cmake/AttendEmbed.cmake. */
#ifndef ATTI_PAGE_H
#define ATTI_PAGE_H

#include <stddef.h>

extern const unsigned char atti_page_html[], atti_page_css[], atti_page_js[];
extern const size_t atti_page_html_size, atti_page_css_size, atti_page_js_size;

#endif
