/* What bronze asks the file system, several things in one call without the interpreter. file_system.py says what each
 * function does, and does the same without this. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __APPLE__
#define MODIFIED st_mtimespec
#define CHANGED st_ctimespec
#else
#define MODIFIED st_mtim
#define CHANGED st_ctim
#endif

#define EDITION "3" /* as in file_system.py: goes up when a function tells something else */

struct entry {
    long long size, modified_us, changed_us, inode; /* size is the error number where mode is 0 */
    size_t name, length;
    unsigned int mode;
};

struct listing {
    struct entry *entries;
    char *names; /* end to end */
    size_t count, room, used, names_room;
};

/* Within the years 1 to 9999. */
static long long microseconds(struct timespec time)
{
    const long long first = -62135596800, last = 253402300799;
    if (time.tv_sec < first)
        return first * 1000000;
    if (time.tv_sec >= last)
        return last * 1000000;
    return (long long)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static void note(struct entry *entry, const struct stat *status)
{
    entry->mode = status->st_mode;
    entry->size = status->st_size;
    entry->modified_us = microseconds(status->MODIFIED);
    entry->changed_us = microseconds(status->CHANGED);
    entry->inode = (long long)(status->st_ino & 0x7FFFFFFFFFFFFFFF);
}

/* Make room for `more` behind `used` of `room` things of a size; 0 where there is none. */
static int grow(void **things, size_t *room, size_t used, size_t more, size_t size)
{
    if (used + more <= *room)
        return 1;
    const size_t wanted = (used + more) * 2;
    void *const larger = realloc(*things, wanted * size);
    if (larger == NULL)
        return 0;
    *things = larger;
    *room = wanted;
    return 1;
}

static int add(struct listing *found, int folder, const char *name)
{
    const size_t length = strlen(name);
    if (!grow((void **)&found->entries, &found->room, found->count, 1, sizeof *found->entries) ||
        !grow((void **)&found->names, &found->names_room, found->used, length, 1))
        return 0;
    struct entry *const entry = &found->entries[found->count++];
    struct stat status;
    memset(entry, 0, sizeof *entry);
    entry->name = found->used;
    entry->length = length;
    memcpy(found->names + found->used, name, length);
    found->used += length;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        entry->size = errno;
        return 1;
    }
    note(entry, &status);
    return 1;
}

/* Return 0, or an error number. */
static int read_all(int folder, struct listing *found)
{
    const int own = fcntl(folder, F_DUPFD_CLOEXEC, 0); /* closedir closes it */
    DIR *const stream = own < 0 ? NULL : fdopendir(own);
    if (stream == NULL) {
        const int error = errno;
        if (own >= 0)
            close(own);
        return error;
    }
    rewinddir(stream);
    int error = 0;
    for (;;) {
        errno = 0;
        const struct dirent *const next = readdir(stream);
        if (next == NULL) {
            error = errno;
            break;
        }
        if (strcmp(next->d_name, ".") != 0 && strcmp(next->d_name, "..") != 0 && !add(found, own, next->d_name)) {
            error = ENOMEM;
            break;
        }
    }
    closedir(stream);
    return error;
}

static PyObject *as_list(const struct listing *found)
{
    PyObject *const list = PyList_New((Py_ssize_t)found->count);
    for (size_t place = 0; list != NULL && place < found->count; place++) {
        const struct entry *const entry = &found->entries[place];
        PyObject *const name = PyUnicode_DecodeFSDefaultAndSize(found->names + entry->name, (Py_ssize_t)entry->length);
        PyObject *const told = name == NULL ? NULL
                                            : Py_BuildValue("(NILLLL)", name, entry->mode, entry->size,
                                                            entry->modified_us, entry->changed_us, entry->inode);
        if (told == NULL || PyList_SetItem(list, (Py_ssize_t)place, told) < 0) {
            Py_DECREF(list);
            return NULL;
        }
    }
    return list;
}

static PyObject *entries(PyObject *Py_UNUSED(module), PyObject *descriptor)
{
    const int folder = PyObject_AsFileDescriptor(descriptor);
    if (folder < 0)
        return NULL;
    struct listing found = {0};
    int error;
    Py_BEGIN_ALLOW_THREADS
    error = read_all(folder, &found);
    Py_END_ALLOW_THREADS
    PyObject *list = NULL;
    if (error == 0) {
        list = as_list(&found);
    } else {
        errno = error;
        PyErr_SetFromErrno(PyExc_OSError);
    }
    free(found.entries);
    free(found.names);
    return list;
}

/* Open the folder that a path lies in, below a root, without following links, so that nobody can swap one in between a
 * check and its use; *name becomes the last part. Changes the path. Returns -1 and sets errno where that fails. */
static int folder_of(const char *root, char *path, const char **name)
{
    int above = open(root, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    for (char *slash; above >= 0 && (slash = strchr(path, '/')) != NULL; path = slash + 1) {
        *slash = '\0';
        const int below = openat(above, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_DIRECTORY);
        const int error = errno;
        close(above);
        errno = error;
        above = below;
    }
    *name = path;
    return above;
}

/* Look at what is at a path and, if asked to, open it where it is a regular file: before, since opening a device can
 * have effects, and after. Returns 0, or an error number. */
static int look(const char *root, char *path, struct stat *status, int *descriptor)
{
    const char *name;
    const int folder = folder_of(root, path, &name);
    if (folder < 0)
        return errno;
    int error = 0;
    if (fstatat(folder, name, status, AT_SYMLINK_NOFOLLOW) != 0) {
        error = errno;
    } else if (descriptor != NULL && S_ISREG(status->st_mode)) {
        *descriptor = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        if (*descriptor < 0 || fstat(*descriptor, status) != 0)
            error = errno;
        if (*descriptor >= 0 && (error != 0 || !S_ISREG(status->st_mode))) {
            close(*descriptor);
            *descriptor = -1;
        }
    }
    close(folder);
    return error;
}

/* Do it for the arguments of a call; 0 where an error is set. */
static int look_below(PyObject *arguments, struct stat *status, int *descriptor)
{
    PyObject *root = NULL, *path = NULL;
    int error = -1;
    if (PyArg_ParseTuple(arguments, "O&O&", PyUnicode_FSConverter, &root, PyUnicode_FSConverter, &path)) {
        char *const own = strdup(PyBytes_AsString(path));
        if (own == NULL) {
            PyErr_NoMemory();
        } else {
            const char *const start = PyBytes_AsString(root);
            Py_BEGIN_ALLOW_THREADS
            error = look(start, own, status, descriptor);
            Py_END_ALLOW_THREADS
            free(own);
            if (error != 0) {
                errno = error;
                PyErr_SetFromErrno(PyExc_OSError);
            }
        }
    }
    Py_XDECREF(root);
    Py_XDECREF(path);
    return error == 0;
}

static PyObject *status_below(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    struct stat status;
    struct entry seen;
    if (!look_below(arguments, &status, NULL))
        return NULL;
    note(&seen, &status);
    return Py_BuildValue("(ILLLL)", seen.mode, seen.size, seen.modified_us, seen.changed_us, seen.inode);
}

static PyObject *open_below(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    struct stat status;
    int descriptor = -1;
    if (!look_below(arguments, &status, &descriptor))
        return NULL;
    return descriptor < 0 ? Py_NewRef(Py_None) : PyLong_FromLong(descriptor);
}

static PyMethodDef METHODS[] = {
    {"entries", entries, METH_O, "entries(descriptor)\n--\n\nList an open folder."},
    {"status_below", status_below, METH_VARARGS, "status_below(root, path)\n--\n\nLook at a path below a folder."},
    {"open_below", open_below, METH_VARARGS, "open_below(root, path)\n--\n\nOpen a regular file below a folder."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "_file_system", NULL, -1, METHODS, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__file_system(void)
{
    PyObject *const module = PyModule_Create(&MODULE);
    if (module != NULL && PyModule_AddStringConstant(module, "EDITION", EDITION) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
