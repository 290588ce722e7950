/* Faults of a disk, and kills in the middle of a write: loaded before libc (LD_PRELOAD).

   Each write, flush, rename and creation below one folder is counted by its file. At the n-th of
   the wanted one it fails with an error of the system, or a process is killed before or after it.
   FAULTS_CONTROL names a file that all processes share by a mapping; faults.py writes it. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define SLOTS 4096
#define LOG (1 << 22)

enum { KILL_BEFORE = -1, KILL_AFTER = -2 };

struct control {
    char root[PATH_MAX];   /* what is below it is watched */
    char path[PATH_MAX];   /* of the wanted file, below the root, without what is random */
    char op[16];           /* write, flush, rename, create, change; empty: none */
    int32_t nth;           /* from 1 on */
    int32_t action;        /* a number of errno, or one of the above */
    int32_t sticky;        /* whether all that follows fails, too, as on a full disk */
    int32_t victim;        /* the process to kill */
    int32_t hit;           /* set to 1 when it has happened */
    int32_t length;        /* of the log */
    struct { uint64_t key; int32_t count; } slots[SLOTS];
    char log[LOG];         /* a line for each: op, tab, path */
};

static struct control *control;

__attribute__((constructor)) static void attach(void) {
    const char *name = getenv("FAULTS_CONTROL");
    if (!name) return;
    int file = syscall(SYS_openat, AT_FDCWD, name, O_RDWR | O_CLOEXEC, 0);
    if (file < 0) return;
    void *found = mmap(0, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (found != MAP_FAILED) control = found;
    close(file);
}

/* Names that Python ends in eight characters by chance. */
static const char *const random_names[] = {"tmp", ".making-", ".key."};

static size_t by_chance(const char *at) {
    for (size_t one = 0; one < sizeof random_names / sizeof *random_names; one++) {
        size_t length = strlen(random_names[one]);
        if (!strncmp(at, random_names[one], length) && strlen(at) >= length + 8
            && strcspn(at + length, "./") == 8)
            return length + 8;
    }
    return 0;
}

/* The path below the root, with * for keys, tokens and long numbers; 0 if it is not there. */
static int known(const char *path, char *out) {
    size_t root = strlen(control->root);
    if (strncmp(path, control->root, root) || path[root] != '/') return 0;
    for (const char *at = path + root + 1; *at;) {
        size_t hex = strspn(at, "0123456789abcdef"), digits = strspn(at, "0123456789");
        size_t left_out = by_chance(at);
        if (!left_out && hex >= 6) left_out = hex;
        if (!left_out && digits >= 4) left_out = strspn(at, "0123456789-_");  /* a time, a number */
        if (left_out) {
            at += left_out;
            *out++ = '*';
        } else if (hex) {
            memcpy(out, at, hex), out += hex, at += hex;
        } else {
            *out++ = *at++;
        }
    }
    *out = 0;
    return 1;
}

static int count(const char *op, const char *path) {
    uint64_t key = 14695981039346656037u;
    for (const char *at = op; *at; at++) key = (key ^ (unsigned char)*at) * 1099511628211u;
    for (const char *at = path; *at; at++) key = (key ^ (unsigned char)*at) * 1099511628211u;
    for (unsigned slot = key % SLOTS;; slot = (slot + 1) % SLOTS) {
        uint64_t empty = 0;
        __atomic_compare_exchange_n(&control->slots[slot].key, &empty, key, 0, 5, 5);
        if (control->slots[slot].key == key)
            return __atomic_add_fetch(&control->slots[slot].count, 1, 5);
    }
}

static void note(const char *op, const char *path) {
    char line[PATH_MAX + 32];
    int length = snprintf(line, sizeof line, "%s\t%s\n", op, path);
    int at = __atomic_fetch_add(&control->length, length, 5);
    if (at + length < LOG) memcpy(control->log + at, line, length);
}

/* A full disk takes no more bytes and names; one that can only be read changes nothing. */
static int fails_since(const char *op) {
    if (!control->sticky || !control->hit || control->action <= 0) return 0;
    if (control->action == EROFS) return strcmp(op, "flush") != 0;
    return !strcmp(op, "write") || !strcmp(op, "create");
}

/* What to do: 0 for nothing, else the action. */
static int judge(const char *op, const char *full) {
    char path[PATH_MAX];
    if (!control || !known(full, path)) return 0;
    note(op, path);
    if (fails_since(op)) return control->action;
    if (strcmp(op, control->op) || strcmp(path, control->path)) return 0;
    if (count(op, path) != control->nth) return 0;
    control->hit = 1;
    return control->action;
}

static int judge_file(const char *op, int file) {
    char link[32], path[PATH_MAX];
    if (!control) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0 || path[0] != '/') return 0;
    path[length] = 0;
    return judge(op, path);
}

static int judge_at(const char *op, int folder, const char *name) {
    char link[32], path[PATH_MAX];
    if (!control || !name) return 0;
    if (name[0] == '/') return judge(op, name);
    if (folder == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
    else snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0 || length + strlen(name) + 2 > sizeof path) return 0;
    path[length] = '/';
    strcpy(path + length + 1, name);
    return judge(op, path);
}

static void end(void) { kill(control->victim ? control->victim : getpid(), SIGKILL); }

#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

#define DO(judged, call) \
    do { \
        int action = (judged); \
        if (action > 0) { errno = action; return -1; } \
        if (action == KILL_BEFORE) end(); \
        __typeof__(call) done = (call); \
        if (action == KILL_AFTER) end(); \
        return done; \
    } while (0)

ssize_t write(int file, const void *bytes, size_t length) {
    REAL(write);
    DO(judge_file("write", file), real(file, bytes, length));
}
ssize_t pwrite(int file, const void *bytes, size_t length, off_t at) {
    REAL(pwrite);
    DO(judge_file("write", file), real(file, bytes, length, at));
}
ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t at) {
    REAL(pwrite64);
    DO(judge_file("write", file), real(file, bytes, length, at));
}
ssize_t writev(int file, const struct iovec *parts, int count) {
    REAL(writev);
    DO(judge_file("write", file), real(file, parts, count));
}
ssize_t sendfile(int to, int from, off_t *at, size_t length) {
    REAL(sendfile);
    DO(judge_file("write", to), real(to, from, at, length));
}
ssize_t sendfile64(int to, int from, off64_t *at, size_t length) {
    REAL(sendfile64);
    DO(judge_file("write", to), real(to, from, at, length));
}
int fsync(int file) {
    REAL(fsync);
    DO(judge_file("flush", file), real(file));
}
int fdatasync(int file) {
    REAL(fdatasync);
    DO(judge_file("flush", file), real(file));
}
int rename(const char *old, const char *name) {
    REAL(rename);
    DO(judge_at("rename", AT_FDCWD, name), real(old, name));
}
int renameat(int from, const char *old, int to, const char *name) {
    REAL(renameat);
    DO(judge_at("rename", to, name), real(from, old, to, name));
}
int renameat2(int from, const char *old, int to, const char *name, unsigned flags) {
    REAL(renameat2);
    DO(judge_at("rename", to, name), real(from, old, to, name, flags));
}
int link(const char *old, const char *name) {
    REAL(link);
    DO(judge_at("rename", AT_FDCWD, name), real(old, name));
}
int linkat(int from, const char *old, int to, const char *name, int flags) {
    REAL(linkat);
    DO(judge_at("rename", to, name), real(from, old, to, name, flags));
}
int mkdir(const char *name, mode_t mode) {
    REAL(mkdir);
    DO(judge_at("create", AT_FDCWD, name), real(name, mode));
}
int unlink(const char *name) {
    REAL(unlink);
    DO(judge_at("change", AT_FDCWD, name), real(name));
}
int unlinkat(int folder, const char *name, int flags) {
    REAL(unlinkat);
    DO(judge_at("change", folder, name), real(folder, name, flags));
}
int ftruncate(int file, off_t length) {
    REAL(ftruncate);
    DO(judge_file("change", file), real(file, length));
}
int ftruncate64(int file, off64_t length) {
    REAL(ftruncate64);
    DO(judge_file("change", file), real(file, length));
}

/* What an open does: 0 if it only reads. A full disk still opens what is there. */
static const char *opening(int folder, const char *path, int flags) {
    if (!(flags & (O_CREAT | O_WRONLY | O_RDWR))) return 0;
    if ((flags & O_TMPFILE) == O_TMPFILE) return "create";
    int before = errno;
    int there = !faccessat(folder, path, F_OK, AT_SYMLINK_NOFOLLOW);
    errno = before;
    return there ? "change" : flags & O_CREAT ? "create" : 0;
}

#define OPEN(name) \
int name(const char *path, int flags, ...) { \
    REAL(name); \
    va_list more; \
    va_start(more, flags); \
    mode_t mode = va_arg(more, int); \
    va_end(more); \
    const char *op = opening(AT_FDCWD, path, flags); \
    DO(op ? judge_at(op, AT_FDCWD, path) : 0, real(path, flags, mode)); \
}
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
int name(int folder, const char *path, int flags, ...) { \
    REAL(name); \
    va_list more; \
    va_start(more, flags); \
    mode_t mode = va_arg(more, int); \
    va_end(more); \
    const char *op = opening(folder, path, flags); \
    DO(op ? judge_at(op, folder, path) : 0, real(folder, path, flags, mode)); \
}
OPENAT(openat)
OPENAT(openat64)

/* Streams of C and C++: they write by what is above, or within libc, which nobody sees. */
#define STREAM(name) \
FILE *name(const char *path, const char *mode) { \
    REAL(name); \
    int flags = mode[0] != 'r' ? O_WRONLY | O_CREAT : strchr(mode, '+') ? O_RDWR : 0; \
    const char *op = opening(AT_FDCWD, path, flags); \
    int action = op ? judge_at(op, AT_FDCWD, path) : 0; \
    if (action > 0) { errno = action; return 0; } \
    if (action == KILL_BEFORE) end(); \
    FILE *done = real(path, mode); \
    if (action == KILL_AFTER) end(); \
    return done; \
}
STREAM(fopen)
STREAM(fopen64)
