/* term.c - colour, width, columns, and the progress bar. */
#include "term.h"
#include "cli.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int color_mode;
static bool bar_on_screen;
static volatile sig_atomic_t busy_on_screen;

void term_setup(int color)
{
    color_mode = color;
}

bool term_is_tty(FILE *f)
{
    return isatty(fileno(f)) != 0;
}

bool term_color(FILE *f)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    if (color_mode != 0) return color_mode == 1;
    if (no && *no) return false;
    if (!term || strcmp(term, "dumb") == 0) return false;
    return term_is_tty(f);
}

bool term_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < 3; i++) {
        const char *v = getenv(names[i]);

        if (!v || !*v) continue;
        return strstr(v, "UTF-8") || strstr(v, "utf8") || strstr(v, "UTF8") ||
               strstr(v, "utf-8");
    }
    return false;
}

int term_width(void)
{
    struct winsize w;
    const char *columns = getenv("COLUMNS");

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0) return w.ws_col;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0) return w.ws_col;
    if (columns && atoi(columns) >= 20) return atoi(columns);
    return 80;
}

const char *term_style(FILE *f, const char *code)
{
    static char ring[8][16];
    static int at;
    char *s;

    if (!term_color(f)) return "";
    s = ring[at++ & 7];
    snprintf(s, sizeof ring[0], "\033[%sm", code);
    return s;
}

/* --- columns ---------------------------------------------------------------------- */

static uint32_t decode(const char *s, size_t *n)
{
    const unsigned char *p = (const unsigned char *)s;
    uint32_t c = p[0];
    size_t len = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;

    if (len > 1) c &= 0xffu >> (len + 1);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            *n = 1;
            return 0xfffd;
        }
        c = c << 6 | (p[i] & 0x3f);
    }
    *n = len;
    return c;
}

/* The blocks that East Asian Width calls wide or full-width, as far as translations
 * and their tokens show them. */
static int columns_of(uint32_t c)
{
    if (c < 0x20) return 0;
    if ((c >= 0x300 && c <= 0x36f) || c == 0x200b || c == 0x200d ||
        (c >= 0xfe00 && c <= 0xfe0f))
        return 0;
    if ((c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0x303e) ||
        (c >= 0x3041 && c <= 0xa4cf) || (c >= 0xac00 && c <= 0xd7a3) ||
        (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f) ||
        (c >= 0xff00 && c <= 0xff60) || (c >= 0xffe0 && c <= 0xffe6) ||
        (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd))
        return 2;
    return 1;
}

size_t term_char(const char *s, int *columns)
{
    size_t n;

    *columns = columns_of(decode(s, &n));
    return n;
}

int term_columns(const char *s)
{
    int sum = 0, w;

    while (*s) {
        s += term_char(s, &w);
        sum += w;
    }
    return sum;
}

/* --- progress --------------------------------------------------------------------- */

bool progress_visible(void)
{
    return !cli_is_quiet() && term_is_tty(stderr);
}

void term_clear_line(void)
{
    if (!bar_on_screen && !busy_on_screen) return;
    fputs("\r\033[K", stderr);
    bar_on_screen = false;
    busy_on_screen = 0;
}

void progress_start(progress *p, const char *label)
{
    p->label = label;
    p->started = cli_now();
    p->drawn = 0;
    p->delay = 1.0;
}

static void draw_bar(cli_text *t, double frac, int cells)
{
    static const char *const part[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    bool utf8 = term_utf8();
    int eighths = (int)(frac * cells * 8 + 0.5), used = 0;

    cli_add(t, term_style(stderr, "36"));
    for (; used < eighths / 8; used++) cli_add(t, utf8 ? "█" : "#");
    if (utf8 && eighths % 8) {
        cli_add(t, part[eighths % 8]);
        used++;
    }
    cli_add(t, term_style(stderr, "2"));
    for (; used < cells; used++) cli_add(t, utf8 ? "·" : ".");
    cli_add(t, term_style(stderr, "0"));
}

void progress_update(progress *p, double frac, double remaining_s, const char *text)
{
    double now = cli_now(), spent = now - p->started;
    char left[32] = "";
    cli_text line = {0};
    int room, cells;

    if (!progress_visible() || spent < p->delay || now - p->drawn < 0.1) return;
    p->drawn = now;
    if (frac < 0) frac = 0;
    if (frac > 1) frac = 1;
    if (remaining_s < 0 && frac > 0.01) remaining_s = spent * (1 - frac) / frac;
    if (remaining_s >= 0) term_duration(left, remaining_s);
    room = term_width() - 1 - term_columns(p->label) - term_columns(text) - 20;
    cells = room < 8 ? 8 : room > 40 ? 40 : room;
    cli_addf(&line, "\r\033[K%s ", p->label);
    draw_bar(&line, frac, cells);
    cli_addf(&line, " %3d%% %s", (int)(frac * 100), text);
    if (*left) cli_addf(&line, "  ETA %s", left);
    fputs(line.s, stderr);
    fflush(stderr);
    bar_on_screen = true;
    cli_free(line.s);
}

void progress_end(progress *p)
{
    (void)p;
    term_clear_line();
    fflush(stderr);
}

/* --- busy ------------------------------------------------------------------------- */

/* Nobody calls back while a vocabulary is made or a model loaded, so the alarm clock
 * does. Its handler may only count and write(). */
static char busy_line[96];
static size_t busy_label_end;
static long busy_seconds;
static bool busy_runs;

static void on_alarm(int signal)
{
    char *p = busy_line + busy_label_end, digits[24];
    long s = ++busy_seconds;
    int n = 0;

    (void)signal;
    do digits[n++] = (char)('0' + s % 10);
    while ((s /= 10) > 0);
    while (n > 0) *p++ = digits[--n];
    *p++ = ' ';
    *p++ = 's';
    if (write(STDERR_FILENO, busy_line, (size_t)(p - busy_line)) > 0)
        busy_on_screen = 1;
    alarm(1);
}

void progress_busy(const char *label)
{
    struct sigaction act = {0};

    if (!progress_visible()) return;
    busy_label_end = (size_t)snprintf(busy_line, 64, "\r\033[K%.50s ", label);
    busy_seconds = 0;
    busy_runs = true;
    act.sa_handler = on_alarm;
    act.sa_flags = SA_RESTART;
    sigemptyset(&act.sa_mask);
    sigaction(SIGALRM, &act, NULL);
    alarm(1);
}

void progress_busy_end(void)
{
    if (!busy_runs) return;
    alarm(0);
    signal(SIGALRM, SIG_IGN);
    busy_runs = false;
    term_clear_line();
    fflush(stderr);
}

/* --- numbers for people ----------------------------------------------------------- */

const char *term_duration(char buf[32], double seconds)
{
    long long s = seconds > 1e9 ? 1000000000LL
                  : seconds < 0 ? 0
                                : (long long)(seconds + 0.5);

    if (s >= 3600)
        snprintf(buf, 32, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(buf, 32, "%02lld:%02lld", s / 60, s % 60);
    return buf;
}

const char *term_bytes(char buf[32], double bytes)
{
    static const char *const unit[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    int u = 0;

    while (bytes >= 999.5 && u < 5) {
        bytes /= 1000;
        u++;
    }
    snprintf(buf, 32, "%.*f %s", u == 0 || bytes >= 99.95 ? 0 : 1, bytes, unit[u]);
    return buf;
}

const char *term_count(char buf[40], int64_t n)
{
    char plain[24];
    int len, out = 0, lead;

    snprintf(plain, sizeof plain, "%lld", (long long)(n < 0 ? -n : n));
    len = (int)strlen(plain);
    lead = len % 3;
    if (n < 0) buf[out++] = '-';
    for (int i = 0; i < len; i++) {
        if (i > 0 && i % 3 == lead) buf[out++] = ',';
        buf[out++] = plain[i];
    }
    buf[out] = 0;
    return buf;
}
