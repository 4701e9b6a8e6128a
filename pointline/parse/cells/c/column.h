/* One column of cells in the memory layout of Arrow, and its export by Arrow's C data interface.
 *
 * https://arrow.apache.org/docs/format/CDataInterface.html and .../Columnar.html (variable-size binary view layout).
 */
#ifndef POINTLINE_COLUMN_H
#define POINTLINE_COLUMN_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct ArrowSchema {
    const char *format, *name, *metadata;
    int64_t flags, n_children;
    struct ArrowSchema **children, *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length, null_count, offset, n_buffers, n_children;
    const void **buffers;
    struct ArrowArray **children, *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

enum { NULLABLE = 2, MOST_INLINE = 12, MOST_WORDS = 16 };

enum kind { TEXT = 't', NUMBER = 'n', SECONDS = 's', WHOLE = 'i', FLAG = 'f', CHOICE = 'c', SKIPPED = '-' };

/* A string: up to twelve bytes stand here, longer ones in the column's heap. */
struct view {
    int32_t size;
    union {
        char inlined[MOST_INLINE];
        struct {
            char prefix[4];
            int32_t heap, at;
        };
    };
};
_Static_assert(sizeof(struct view) == 16, "Arrow's view of a string has sixteen bytes");

struct column {
    enum kind kind;
    const char *words[MOST_WORDS]; /* of a choice, borrowed; its value is a word's place among them */
    size_t word_sizes[MOST_WORDS];
    int word_count;
    Py_ssize_t rows, nulls;
    union {
        void *values;
        double *numbers;
        int64_t *wholes;
        uint8_t *bytes;
        struct view *views;
    };
    uint8_t *valid; /* a bit per row; none before the first null */
    char *heap;
    int64_t heap_size, heap_room;
};

static const char *arrow_format(enum kind kind)
{
    switch (kind) {
    case TEXT:
        return "vu";
    case NUMBER:
    case SECONDS:
        return "g";
    case WHOLE:
        return "l";
    case FLAG:
        return "b";
    default:
        return "C";
    }
}

/* Make room for the values. Returns 0 where there is no memory. */
static int column_begin(struct column *column, Py_ssize_t rows)
{
    const size_t count = (size_t)rows;
    column->rows = rows;
    switch (column->kind) {
    case SKIPPED:
        return 1;
    case TEXT:
        column->values = malloc(count * sizeof(struct view) + 1);
        break;
    case CHOICE:
        column->values = malloc(count + 1);
        break;
    case FLAG:
        column->values = calloc(count / 8 + 1, 1);
        break;
    default:
        column->values = malloc(count * 8 + 1);
    }
    return column->values != NULL;
}

static void column_free(struct column *column)
{
    free(column->values);
    free(column->valid);
    free(column->heap);
    column->values = column->valid = NULL;
    column->heap = NULL;
}

static int column_set_null(struct column *column, Py_ssize_t row)
{
    if (column->kind == SKIPPED)
        return 1;
    if (column->valid == NULL) {
        const size_t size = (size_t)column->rows / 8 + 1;
        column->valid = malloc(size);
        if (column->valid == NULL)
            return 0;
        memset(column->valid, 0xFF, size);
    }
    column->valid[row >> 3] &= (uint8_t)~(1u << (row & 7));
    column->nulls++;
    switch (column->kind) { /* what stands in a null's place is nobody's business, but it is always the same */
    case TEXT:
        memset(&column->views[row], 0, sizeof(struct view));
        break;
    case CHOICE:
        column->bytes[row] = 0;
        break;
    case NUMBER:
    case SECONDS:
    case WHOLE:
        column->wholes[row] = 0;
        break;
    default:
        break;
    }
    return 1;
}

static int column_set_text(struct column *column, Py_ssize_t row, const char *text, size_t size)
{
    struct view *view = &column->views[row];
    memset(view, 0, sizeof *view);
    view->size = (int32_t)size;
    if (size <= MOST_INLINE) {
        memcpy(view->inlined, text, size);
        return 1;
    }
    if (column->heap_size + (int64_t)size > column->heap_room) {
        const int64_t room = (column->heap_size + (int64_t)size) * 2;
        char *const heap = room <= INT32_MAX ? realloc(column->heap, (size_t)room) : NULL;
        if (heap == NULL)
            return 0;
        column->heap = heap;
        column->heap_room = room;
    }
    memcpy(view->prefix, text, sizeof view->prefix);
    view->at = (int32_t)column->heap_size;
    memcpy(column->heap + column->heap_size, text, size);
    column->heap_size += (int64_t)size;
    return 1;
}

/* ---- export */

struct exported { /* what an array owns until its importer releases it */
    const void *buffers[4];
    int64_t heap_sizes[1];
};

static void release_schema(struct ArrowSchema *schema) { schema->release = NULL; }

static void release_array(struct ArrowArray *array)
{
    struct exported *const owned = array->private_data;
    free((void *)owned->buffers[0]);
    free((void *)owned->buffers[1]);
    if (array->n_buffers == 4)
        free((void *)owned->buffers[2]);
    free(owned);
    array->release = NULL;
}

static void free_schema_capsule(PyObject *capsule)
{
    struct ArrowSchema *const schema = PyCapsule_GetPointer(capsule, "arrow_schema");
    if (schema->release != NULL)
        schema->release(schema);
    PyMem_Free(schema);
}

static void free_array_capsule(PyObject *capsule)
{
    struct ArrowArray *const array = PyCapsule_GetPointer(capsule, "arrow_array");
    if (array->release != NULL)
        array->release(array);
    PyMem_Free(array);
}

/* Return the pair of capsules that `__arrow_c_array__` promises; the column has given its memory away then. */
static PyObject *column_export(struct column *column)
{
    struct exported *const owned = calloc(1, sizeof *owned);
    struct ArrowSchema *const schema = PyMem_Calloc(1, sizeof *schema);
    struct ArrowArray *const array = PyMem_Calloc(1, sizeof *array);
    if (owned == NULL || schema == NULL || array == NULL) {
        free(owned);
        PyMem_Free(schema);
        PyMem_Free(array);
        return PyErr_NoMemory();
    }
    int buffers = 0;
    owned->buffers[buffers++] = column->valid;
    owned->buffers[buffers++] = column->values;
    if (column->kind == TEXT) {
        owned->heap_sizes[0] = column->heap_size;
        if (column->heap != NULL)
            owned->buffers[buffers++] = column->heap;
        owned->buffers[buffers++] = owned->heap_sizes;
    }
    *schema = (struct ArrowSchema){
        .format = arrow_format(column->kind), .name = "", .flags = NULLABLE, .release = release_schema};
    *array = (struct ArrowArray){.length = column->rows,
                                 .null_count = column->nulls,
                                 .n_buffers = buffers,
                                 .buffers = owned->buffers,
                                 .release = release_array,
                                 .private_data = owned};
    column->values = column->valid = NULL;
    column->heap = NULL;
    PyObject *const schema_capsule = PyCapsule_New(schema, "arrow_schema", free_schema_capsule);
    PyObject *const array_capsule = PyCapsule_New(array, "arrow_array", free_array_capsule);
    return Py_BuildValue("NN", schema_capsule, array_capsule);
}

#endif
