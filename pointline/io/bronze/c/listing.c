/* A folder with what the file system says of each entry, in one call without the interpreter: of a bronze with a
 * million files half of the time that a look at all of them takes. */

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

#define TELLS "name mode size modified_us changed_us inode" /* entries.py says what these are */

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

static long long microseconds(struct timespec time)
{
    return (long long)time.tv_sec * 1000000 + time.tv_nsec / 1000;
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
    entry->mode = status.st_mode;
    entry->size = status.st_size;
    entry->modified_us = microseconds(status.MODIFIED);
    entry->changed_us = microseconds(status.CHANGED);
    entry->inode = (long long)(status.st_ino & 0x7FFFFFFFFFFFFFFF);
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

PyDoc_STRVAR(ENTRIES_DOC, "entries(descriptor)\n--\n\nList an open folder; see pointline.io.bronze.entries.");

static PyMethodDef METHODS[] = {{"entries", entries, METH_O, ENTRIES_DOC}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "_listing", NULL, -1, METHODS, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__listing(void)
{
    PyObject *const module = PyModule_Create(&MODULE);
    if (module != NULL && PyModule_AddStringConstant(module, "TELLS", TELLS) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
