/* test_file.c - whole files, atomic writes, lines, directories, locks. */
#include "support.h"

#include "base/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void blobs_mapped_and_read_are_equal(void **state)
{
    (void)state;
    size_t n = 3 * 65536 + 17;
    char *data = malloc(n);
    for (size_t i = 0; i < n; i++) data[i] = (char)(i * 7);
    const char *path = support_temp("blob");
    support_write(path, data, n);
    for (int mapped = 0; mapped <= 1; mapped++) {
        atti_blob b;
        setenv("ATTEND_NO_MMAP", mapped ? "0" : "1", 1);
        assert_ok(atti_blob_open(&b, path, 0));
        assert_int_equal(b.mapped, mapped);
        assert_int_equal(b.size, n);
        assert_memory_equal(b.data, data, n);
        atti_blob_close(&b);
        assert_ok(atti_blob_open(&b, path, n));
        atti_blob_close(&b);
        assert_fails(atti_blob_open(&b, path, n - 1), ATT_EFORMAT, "limit");
    }
    unsetenv("ATTEND_NO_MMAP");
    free(data);
}

static void odd_files(void **state)
{
    (void)state;
    atti_blob b;
    support_write(support_temp("empty"), "", 0);
    assert_ok(atti_blob_open(&b, support_temp("empty"), 10));
    assert_int_equal(b.size, 0);
    atti_blob_close(&b);
    assert_fails(atti_blob_open(&b, support_temp("absent"), 0), ATT_ENOTFOUND,
                 "absent");
    assert_fails(atti_blob_open(&b, support_temp("empty/x"), 0), ATT_ENOTFOUND,
                 "empty/x");
    assert_fails(atti_blob_open(&b, support_temp("."), 0), ATT_EIO, "directory");
    if (access("/proc/self/status", R_OK) == 0) { /* tells a size of 0 */
        assert_ok(atti_blob_open(&b, "/proc/self/status", 0));
        assert_true(b.size > 100);
        atti_blob_close(&b);
    }
    assert_fails(atti_blob_open(&b, "/dev/zero", 100000), ATT_EFORMAT, "100000");
}

static int count_entries(const char *dir)
{
    char command[1200];
    snprintf(command, sizeof command, "exit $(ls -A '%s' | wc -l)", dir);
    int st = system(command);
    return WEXITSTATUS(st);
}

static void outputs_appear_whole_or_not_at_all(void **state)
{
    (void)state;
    const char *dir = support_temp("out");
    char *text;
    atti_out o;
    assert_ok(atti_mkdir_all(dir));
    const char *path = support_temp("out/file");
    assert_ok(atti_write_file(path, "old", 3));
    assert_ok(atti_out_open(&o, path));
    fputs("new contents", o.f);
    fflush(o.f);
    text = support_read(path, NULL);
    assert_string_equal(text, "old"); /* still */
    free(text);
    assert_ok(atti_out_commit(&o));
    atti_out_abort(&o); /* nothing left to do */
    text = support_read(path, NULL);
    assert_string_equal(text, "new contents");
    free(text);
    assert_ok(atti_out_open(&o, path));
    fputs("never", o.f);
    atti_out_abort(&o);
    atti_out_abort(&o);
    text = support_read(path, NULL);
    assert_string_equal(text, "new contents");
    free(text);
    assert_int_equal(count_entries(dir), 1); /* no temporary names left */
}

static void outputs_keep_modes_and_links(void **state)
{
    (void)state;
    const char *path = support_temp("target"), *link = support_temp("link");
    support_write_text(path, "x");
    chmod(path, 0640);
    assert_int_equal(symlink("target", link), 0);
    assert_ok(atti_write_file(link, "through", 7));
    struct stat info;
    assert_int_equal(lstat(link, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    assert_int_equal(info.st_size, 7);
}

static void output_errors_are_reported(void **state)
{
    (void)state;
    atti_out o = {0};
    char big[20000] = {0};
    assert_fails(atti_write_file(support_temp("no/such/file"), "x", 1), ATT_EIO,
                 "no/such");
    assert_fails(atti_out_open(&o, support_temp(".")), ATT_EIO, "directory");
    assert_ok(atti_write_file("/dev/null", big, sizeof big));
    if (access("/dev/full", W_OK) != 0) return;
    /* Short (fails when flushed) and long (fails while writing): the same report. */
    assert_fails(atti_write_file("/dev/full", "x", 1), ATT_EIO, "No space left");
    assert_fails(atti_write_file("/dev/full", big, sizeof big), ATT_EIO,
                 "No space left");
}

typedef struct want_line {
    const char *text;
    size_t len;
    uint64_t next;
} want_line;

static void check_lines(atti_lines *l, const want_line *want, size_t n)
{
    const char *line;
    size_t len;
    for (size_t i = 0; i < n; i++) {
        assert_ok(atti_lines_next(l, &line, &len));
        assert_non_null(line);
        assert_int_equal(len, want[i].len);
        assert_memory_equal(line, want[i].text, len + 1); /* and the NUL */
        assert_int_equal(atti_lines_offset(l), want[i].next);
    }
    for (int i = 0; i < 2; i++) { /* the end stays the end */
        assert_ok(atti_lines_next(l, &line, &len));
        assert_null(line);
    }
}

static void lines_are_split_on_lf_only(void **state)
{
    (void)state;
    static const char data[] =
        "\xef\xbb\xbf"
        "first\r\n\n\xef\xbb\xbfx\0y\rz\n\xe2\x80\xa8\x0b\r\nlast\r";
    static const want_line want[] = {
        {"first", 5, 10},
        {"", 0, 11},
        {"\xef\xbb\xbfx\0y\rz", 8, 20},
        {"\xe2\x80\xa8\x0b", 4, 26},
        {"last\r", 5, 31},
    };
    const char *path = support_temp("lines");
    support_write(path, data, sizeof data - 1);
    atti_lines *l;
    assert_ok(atti_lines_open(&l, path, 0));
    check_lines(l, want, 5);
    assert_ok(atti_lines_seek(l, 11));
    check_lines(l, want + 2, 3);
    assert_ok(atti_lines_seek(l, 0));
    check_lines(l, want, 5);
    atti_lines_close(l);

    FILE *f = fopen(path, "rb");
    assert_ok(atti_lines_wrap(&l, f, "stdin", 0));
    check_lines(l, want, 5);
    assert_ok(atti_lines_seek(l, 10));
    check_lines(l, want + 1, 4);
    atti_lines_close(l);
    assert_int_equal(fgetc(f), EOF); /* still open */
    fclose(f);

    support_write(path, "", 0);
    assert_ok(atti_lines_open(&l, path, 0));
    check_lines(l, NULL, 0);
    atti_lines_close(l);
    support_write(path, "\xef\xbb\xbf", 3); /* a BOM alone is one empty line at most */
    assert_ok(atti_lines_open(&l, path, 0));
    check_lines(l, (want_line[]){{"", 0, 3}}, 1);
    atti_lines_close(l);
    assert_fails(atti_lines_open(&l, support_temp("absent"), 0), ATT_ENOTFOUND,
                 "absent");
    assert_fails(atti_lines_open(&l, support_temp("."), 0), ATT_EIO, "directory");
    atti_lines_close(NULL);
}

static void long_lines_cross_buffers_and_meet_the_limit(void **state)
{
    (void)state;
    enum { LONG = 1000000 };
    char *data = malloc(2 * LONG + 10);
    memset(data, 'a', LONG);
    data[LONG] = '\n';
    memset(data + LONG + 1, 'b', LONG);
    const char *path = support_temp("long");
    support_write(path, data, 2 * LONG + 1);
    const char *line;
    size_t len;
    for (int wrapped = 0; wrapped <= 1; wrapped++) {
        FILE *f = wrapped ? fopen(path, "rb") : NULL;
        atti_lines *l;
        assert_ok(f ? atti_lines_wrap(&l, f, path, LONG)
                    : atti_lines_open(&l, path, LONG));
        assert_ok(atti_lines_next(l, &line, &len));
        assert_int_equal(len, LONG);
        assert_memory_equal(line, data, LONG);
        assert_ok(atti_lines_next(l, &line, &len));
        assert_int_equal(len, LONG);
        assert_memory_equal(line, data + LONG + 1, LONG);
        atti_lines_close(l);
        if (f) rewind(f);
        assert_ok(f ? atti_lines_wrap(&l, f, path, LONG - 1)
                    : atti_lines_open(&l, path, LONG - 1));
        assert_fails(atti_lines_next(l, &line, &len), ATT_EFORMAT, "long:1: ");
        atti_lines_close(l);
        if (f) fclose(f);
    }
    free(data);
}

static void a_pipe_delivers_each_line_at_once(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    FILE *f = fdopen(fds[0], "rb");
    atti_lines *l;
    const char *line;
    size_t len;
    assert_ok(atti_lines_wrap(&l, f, "stdin", 0));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(write(fds[1], "one\n", 4), 4);
        assert_ok(atti_lines_next(l, &line, &len)); /* would hang if it wanted more */
        assert_string_equal(line, "one");
    }
    assert_fails(atti_lines_seek(l, 0), ATT_EIO, "stdin");
    close(fds[1]);
    assert_ok(atti_lines_next(l, &line, &len));
    assert_null(line);
    atti_lines_close(l);
    fclose(f);
}

static void directories_come_and_go(void **state)
{
    (void)state;
    const char *deep = support_temp("a/b//c/");
    assert_ok(atti_mkdir_all(deep));
    assert_ok(atti_mkdir_all(deep));
    assert_true(atti_path_is_dir(support_temp("a/b/c")));
    support_write_text(support_temp("a/b/file"), "x");
    support_write_text(support_temp("keep"), "x");
    assert_int_equal(symlink("../../keep", support_temp("a/b/link")), 0);
    assert_int_equal(symlink("..", support_temp("a/b/up")), 0);
    assert_fails(atti_mkdir_all(support_temp("a/b/file/d")), ATT_EIO, "file");
    assert_fails(atti_mkdir_all(""), ATT_EINVAL, "empty");
    assert_ok(atti_remove_tree(support_temp("a")));
    assert_false(atti_path_exists(support_temp("a")));
    assert_true(atti_path_exists(support_temp("keep"))); /* links are not followed */
    assert_ok(atti_remove_tree(support_temp("a")));      /* absent is fine */
    assert_ok(atti_remove_tree(support_temp("keep")));   /* a file too */
    assert_false(atti_path_exists(support_temp("keep")));
}

static void joins(void **state)
{
    (void)state;
    static const char *const cases[][3] = {{"d", "n", "d/n"}, {"d/", "n", "d/n"},
                                           {"", "n", "n"},    {"d", "/n", "/n"},
                                           {"/", "n", "/n"},  {"d", "", "d/"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *path;
        assert_ok(atti_path_join(&path, cases[i][0], cases[i][1]));
        assert_string_equal(path, cases[i][2]);
        atti_free(path);
    }
}

static void renames_replace_directories(void **state)
{
    (void)state;
    char *text;
    assert_ok(atti_mkdir_all(support_temp("old")));
    assert_ok(atti_mkdir_all(support_temp("new")));
    support_write_text(support_temp("old/f"), "old");
    support_write_text(support_temp("old/g"), "old");
    support_write_text(support_temp("new/f"), "new");
    assert_ok(atti_rename(support_temp("new"), support_temp("old")));
    assert_false(atti_path_exists(support_temp("new")));
    assert_false(atti_path_exists(support_temp("old/g")));
    text = support_read(support_temp("old/f"), NULL);
    assert_string_equal(text, "new");
    free(text);
    assert_ok(atti_rename(support_temp("old"), support_temp("moved")));
    assert_true(atti_path_is_dir(support_temp("moved")));
    assert_fails(atti_rename(support_temp("absent"), support_temp("x")), ATT_EIO,
                 "absent");
    support_write_text(support_temp("plain"), "1");
    assert_fails(atti_rename(support_temp("plain"), support_temp("moved")), ATT_EIO,
                 "plain");
}

static void locks_exclude_other_processes(void **state)
{
    (void)state;
    int fd = -1, second = -1;
    const char *dir = support_temp(".");
    assert_ok(atti_lock_dir(&fd, dir));
    char pid[64];
    snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    assert_fails(atti_lock_dir(&second, dir), ATT_EBUSY, pid);
    pid_t child = fork();
    if (child == 0) {
        close(fd); /* what it inherited */
        _exit(atti_lock_dir(&second, dir) == ATT_EBUSY ? 0 : 1);
    }
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_int_equal(how, 0);
    atti_unlock_dir(fd);
    assert_ok(atti_lock_dir(&second, dir));
    atti_unlock_dir(second);
    atti_unlock_dir(-1);
    assert_fails(atti_lock_dir(&fd, support_temp("absent")), ATT_EIO, "absent");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blobs_mapped_and_read_are_equal),
        cmocka_unit_test(odd_files),
        cmocka_unit_test(outputs_appear_whole_or_not_at_all),
        cmocka_unit_test(outputs_keep_modes_and_links),
        cmocka_unit_test(output_errors_are_reported),
        cmocka_unit_test(lines_are_split_on_lf_only),
        cmocka_unit_test(long_lines_cross_buffers_and_meet_the_limit),
        cmocka_unit_test(a_pipe_delivers_each_line_at_once),
        cmocka_unit_test(directories_come_and_go),
        cmocka_unit_test(joins),
        cmocka_unit_test(renames_replace_directories),
        cmocka_unit_test(locks_exclude_other_processes),
    };
    return cmocka_run_group_tests(tests, support_temp_setup, support_temp_teardown);
}
