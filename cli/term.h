/* term.h - the terminal: is there one, how wide, may it have colour; widths of text in
 * columns; and the progress bar. */
#ifndef ATTEND_TERM_H
#define ATTEND_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* color: 0 auto, 1 always, 2 never. Auto obeys NO_COLOR and TERM=dumb. */
void term_setup(int color);
bool term_is_tty(FILE *f);
bool term_color(FILE *f);
bool term_utf8(void);
int term_width(void); /* columns of the terminal on stderr or stdout; 80 if none */
/* An escape sequence, or "" where colour is off: "1" bold, "2" faint, "32" green. */
const char *term_style(FILE *f, const char *code);
/* Columns that UTF-8 text takes: Chinese characters are two wide, marks none. */
int term_columns(const char *s);
/* One character: its bytes (at least 1) and columns. */
size_t term_char(const char *s, int *columns);
/* Takes the bar away so that a line can be printed; the next update draws it again. */
void term_clear_line(void);

/* A bar on stderr, drawn at most ten times a second and only once the work has lasted
 * for a second; nothing at all where stderr is no terminal or under --quiet. */
typedef struct progress {
    const char *label;
    double started, drawn;
    double delay; /* seconds before it first shows */
} progress;
void progress_start(progress *p, const char *label);
/* frac in 0..1; text follows the bar, the estimate of the rest follows the text.
 * remaining_s < 0: worked out from frac. */
void progress_update(progress *p, double frac, double remaining_s, const char *text);
void progress_end(progress *p);
/* For work that says nothing on its way: label and seconds, from the first second until
 * progress_busy_end() or any line that is printed. One at a time. */
void progress_busy(const char *label);
void progress_busy_end(void);
bool progress_visible(void);

/* "1:02:03", "04:05" */
const char *term_duration(char buf[32], double seconds);
/* "1.5 GB" */
const char *term_bytes(char buf[32], double bytes);
/* "12,345,678" */
const char *term_count(char buf[40], int64_t n);

#endif
