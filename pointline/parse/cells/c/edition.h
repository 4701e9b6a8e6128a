/* The first digits of the SHA-256 of cells.c, column.h and numbers.h, as edition.py has them. */
#define EDITION "9cea988e4de8"
