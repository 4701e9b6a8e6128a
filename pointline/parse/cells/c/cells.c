/* Whole lines of CSV to typed columns, in one pass and without any guess.
 *
 * Plain text only: no quotes, no white space but blanks in texts, no NUL, the same number of cells in every line, numbers
 * as numbers.h reads them. The first cell that is anything else ends the attempt: the caller has a slower way that finds out what it is.
 */
#include "column.h"
#include "edition.h"
#include "numbers.h"

enum { FIRST_BEYOND_ASCII = 0x80 };

static uint8_t stops[256]; /* bytes that end a plain cell of text, or do not belong there */

/* The cell before it in the same column: mostly a symbol is the one of the line above. */
struct above {
    const char *text;
    size_t size;
    int is_beyond_ascii; /* of any cell so far */
};

static int equals_above(const char *text, const char *end, const struct above *above)
{
    return above->text != NULL && (size_t)(end - text) > above->size && ends_cell(text[above->size]) &&
           memcmp(text, above->text, above->size) == 0;
}

static const char *read_text(const char *text, const char *end, struct column *column, Py_ssize_t row,
                             struct above *above)
{
    if (equals_above(text, end, above)) {
        if (column->kind == TEXT)
            column->views[row] = column->views[row - 1];
        return text + above->size;
    }
    const char *after = text;
    unsigned seen = 0;
    while (!stops[(unsigned char)*after])
        seen |= (unsigned char)*after++;
    above->text = text;
    above->size = (size_t)(after - text);
    above->is_beyond_ascii |= seen >= FIRST_BEYOND_ASCII;
    return column->kind == SKIPPED || column_set_text(column, row, text, above->size) ? after : NULL;
}

static const char *read_choice(const char *text, const char *end, struct column *column, Py_ssize_t row)
{
    for (int word = 0; word < column->word_count; word++) {
        const size_t size = column->word_sizes[word];
        if ((size_t)(end - text) > size && ends_cell(text[size]) && memcmp(text, column->words[word], size) == 0) {
            column->bytes[row] = (uint8_t)word;
            return text + size;
        }
    }
    return NULL;
}

static const char *read_flag(const char *text, const char *end, struct column *column, Py_ssize_t row)
{
    static const char *const yes[] = {"true", "True", "TRUE"}, *const no[] = {"false", "False", "FALSE"};
    for (int spelling = 0; spelling < 3; spelling++) {
        if (end - text > 4 && memcmp(text, yes[spelling], 4) == 0) {
            column->bytes[row >> 3] |= (uint8_t)(1u << (row & 7));
            return text + 4;
        }
        if (end - text > 5 && memcmp(text, no[spelling], 5) == 0)
            return text + 5;
    }
    return NULL;
}

/* Read one cell. Returns the first byte after it, which the caller looks at, or NULL. */
static inline const char *read_cell(const char *text, const char *end, struct column *column, Py_ssize_t row,
                                    struct above *above)
{
    if (ends_cell(*text)) {
        above->text = NULL;
        return column_set_null(column, row) ? text : NULL;
    }
    switch (column->kind) {
    case NUMBER:
        return read_number(text, &column->numbers[row]);
    case SECONDS:
        return read_seconds(text, &column->numbers[row]);
    case WHOLE:
        return read_whole(text, end, &column->wholes[row]);
    case CHOICE:
        return read_choice(text, end, column, row);
    case FLAG:
        return read_flag(text, end, column, row);
    default:
        return read_text(text, end, column, row, above);
    }
}

static int read_lines(const char *text, const char *end, struct column *columns, struct above *above, Py_ssize_t width,
                      Py_ssize_t rows)
{
    for (Py_ssize_t row = 0; row < rows; row++) {
        for (Py_ssize_t place = 0; place < width; place++) {
            text = read_cell(text, end, &columns[place], row, &above[place]);
            if (text == NULL)
                return 0;
            if (place + 1 < width && *text++ != ',')
                return 0;
        }
        if (*text == '\r')
            text++;
        if (*text++ != '\n')
            return 0;
    }
    return text == end;
}

static Py_ssize_t count_lines(const char *text, const char *end)
{
    Py_ssize_t lines = 0;
    while (text < end && (text = memchr(text, '\n', (size_t)(end - text))) != NULL) {
        lines++;
        text++;
    }
    return lines;
}

/* ---- the module */

static int set_kind(struct column *column, char letter, PyObject *words)
{
    if (letter == '\0' || strchr("tnsifc-", letter) == NULL || !PyTuple_Check(words) ||
        PyTuple_Size(words) > MOST_WORDS) {
        PyErr_Format(PyExc_ValueError, "no kind of cell, or more than %d words to choose from", MOST_WORDS);
        return 0;
    }
    column->kind = (enum kind)letter;
    column->word_count = (int)PyTuple_Size(words);
    for (int word = 0; word < column->word_count; word++) {
        Py_ssize_t size;
        char *bytes;
        if (PyBytes_AsStringAndSize(PyTuple_GetItem(words, word), &bytes, &size) < 0)
            return 0;
        column->words[word] = bytes;
        column->word_sizes[word] = (size_t)size;
    }
    return 1;
}

static PyObject *export_columns(struct column *columns, const struct above *above, Py_ssize_t width)
{
    int is_ascii = 1;
    PyObject *const exported = PyList_New(0);
    for (Py_ssize_t place = 0; exported != NULL && place < width; place++) {
        is_ascii &= !above[place].is_beyond_ascii;
        if (columns[place].kind == SKIPPED)
            continue;
        PyObject *const pair = column_export(&columns[place]);
        if (pair == NULL || PyList_Append(exported, pair) < 0) {
            Py_XDECREF(pair);
            Py_DECREF(exported);
            return NULL;
        }
        Py_DECREF(pair);
    }
    return Py_BuildValue("NO", exported, is_ascii ? Py_True : Py_False);
}

static PyObject *parse(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer data;
    const char *kinds;
    Py_ssize_t width;
    PyObject *words, *result = NULL;
    if (!PyArg_ParseTuple(args, "y*y#O!", &data, &kinds, &width, &PyTuple_Type, &words))
        return NULL;
    if (PyTuple_Size(words) != width) {
        PyBuffer_Release(&data);
        return PyErr_Format(PyExc_ValueError, "%zd cells, words for %zd", width, PyTuple_Size(words));
    }
    const char *const text = data.buf, *const end = text + data.len;
    struct column *const columns = PyMem_Calloc((size_t)width + 1, sizeof *columns);
    struct above *const above = PyMem_Calloc((size_t)width + 1, sizeof *above);
    int is_ready = columns != NULL && above != NULL, is_plain = 0;
    if (!is_ready)
        PyErr_NoMemory();
    for (Py_ssize_t place = 0; is_ready && place < width; place++)
        is_ready = set_kind(&columns[place], kinds[place], PyTuple_GetItem(words, place));
    if (is_ready) {
        Py_BEGIN_ALLOW_THREADS
        if (width > 0 && text < end && end[-1] == '\n') {
            const Py_ssize_t rows = count_lines(text, end);
            for (Py_ssize_t place = 0; is_ready && place < width; place++)
                is_ready = column_begin(&columns[place], rows);
            is_plain = is_ready && read_lines(text, end, columns, above, width, rows);
        }
        Py_END_ALLOW_THREADS
        if (!is_ready)
            PyErr_NoMemory();
        else
            result = is_plain ? export_columns(columns, above, width) : Py_NewRef(Py_None);
    }
    for (Py_ssize_t place = 0; columns != NULL && place < width; place++)
        column_free(&columns[place]);
    PyMem_Free(columns);
    PyMem_Free(above);
    PyBuffer_Release(&data);
    return result;
}

PyDoc_STRVAR(PARSE_DOC,
             "parse(data, kinds, words)\n--\n\n"
             "Type whole lines of CSV, each of len(kinds) plain cells; None where a line or a cell is anything else.\n\n"
             "kinds has a letter per cell: t text, n number, s seconds, i whole number, f flag, c one of the cell's\n"
             "words, - left out. Returns the columns that are not left out, each a pair of Arrow capsules (Utf8View, Float64, Int64,\n"
             "Boolean, and UInt8: the place among the words; an empty cell is null), and whether all text is ASCII. Other\n"
             "text is taken for UTF-8; whether it is, the caller has to find out before anybody looks at it.");

static PyMethodDef METHODS[] = {{"parse", parse, METH_VARARGS, PARSE_DOC}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "_parser", NULL, -1, METHODS, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__parser(void)
{
    const char bytes[] = ",\n\r\"\t";
    for (size_t place = 0; place < sizeof bytes; place++) /* the NUL at its end is one of them */
        stops[(unsigned char)bytes[place]] = 1;
    plain_locale = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (plain_locale == (locale_t)0)
        return PyErr_NoMemory();
    PyObject *const module = PyModule_Create(&MODULE);
    if (module != NULL && PyModule_AddStringConstant(module, "EDITION", EDITION) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
