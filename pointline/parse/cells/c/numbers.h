/* Decimal text to numbers, without any loss.
 *
 * A reader begins at `text` and returns the first byte after the number, or NULL where it is not sure of it. The text
 * ends with a line feed at `end[-1]`: no digit, so that no loop runs past it.
 */
#ifndef POINTLINE_NUMBERS_H
#define POINTLINE_NUMBERS_H

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__APPLE__)
#include <xlocale.h>
#endif

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "eight digits are read as little-endian machines load them"
#endif
#if FLT_EVAL_METHOD < 0 || FLT_EVAL_METHOD == 2
#error "a quotient of doubles has to be rounded once"
#endif

enum { MOST_DIGITS = 19, LONGEST_NUMBER = 64 };

static const uint64_t MOST_EXACT_WHOLE = 1ull << 53; /* up to here every whole number is a double */
static const double POWERS_OF_TEN[MOST_DIGITS + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
                                                      1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19};
static locale_t plain_locale; /* its decimal sign is a point; made when the module is loaded */

static inline int is_digit(char byte) { return (unsigned char)(byte - '0') < 10; }

static inline int ends_cell(char byte) { return byte == ',' || byte == '\n' || byte == '\r'; }

/* Read eight digits at once into `*value`, behind what it holds; 0 where there are fewer. */
static inline int read_eight_digits(const char *text, const char *end, uint64_t *value)
{
    uint64_t eight;
    if (end - text < 8)
        return 0;
    memcpy(&eight, text, 8); /* the first digit is the lowest byte */
    const uint64_t high = 0xF0F0F0F0F0F0F0F0ull;
    if (((eight & high) | (((eight + 0x0606060606060606ull) & high) >> 4)) != 0x3333333333333333ull)
        return 0;
    eight &= 0x0F0F0F0F0F0F0F0Full;
    eight = (eight * 10 + (eight >> 8)) & 0x00FF00FF00FF00FFull;
    eight = (eight * 100 + (eight >> 16)) & 0x0000FFFF0000FFFFull;
    eight = (eight * 10000 + (eight >> 32)) & 0x00000000FFFFFFFFull;
    *value = *value * 100000000 + eight;
    return 1;
}

/* Read all digits that follow. More than MOST_DIGITS of them overflow `*value`: the caller counts. */
static inline const char *read_digits(const char *text, uint64_t *value)
{
    for (; is_digit(*text); text++)
        *value = *value * 10 + (uint64_t)(*text - '0');
    return text;
}

/* Mostly a time of sixteen digits, or of nineteen where a vendor counts nanoseconds. */
static inline const char *read_whole(const char *text, const char *end, int64_t *whole)
{
    const int negative = *text == '-';
    const char *const digits = text + negative;
    uint64_t value = 0;
    text = digits;
    for (int eights = 0; eights < 2 && read_eight_digits(text, end, &value); eights++)
        text += 8;
    text = read_digits(text, &value);
    if (text == digits || text - digits > MOST_DIGITS || value > INT64_MAX) /* nineteen digits are no more than 64 bits */
        return NULL;
    *whole = negative ? -(int64_t)value : (int64_t)value;
    return text;
}

/* `value` / 10^`decimals`, rounded once, to the nearest double and half to even: by whole numbers, with a remainder.
 *
 * Programs write a double with up to seventeen digits, which two exact doubles cannot be divided to.
 */
static double divided(uint64_t value, ptrdiff_t decimals)
{
    typedef unsigned __int128 wide;
    const uint64_t power = (uint64_t)POWERS_OF_TEN[decimals]; /* exact: all of them are, as doubles too */
    const int zeros = __builtin_clzll(value);
    const wide dividend = (wide)(value << zeros) << 64; /* its highest bit is set: the quotient has 64 bits or more */
    const wide quotient = dividend / power;
    const int is_rest = quotient * power != dividend;
    const uint64_t upper = (uint64_t)(quotient >> 64);
    const int dropped = (upper ? 128 - __builtin_clzll(upper) : 64) - DBL_MANT_DIG;
    const wide below = quotient & (((wide)1 << dropped) - 1), half = (wide)1 << (dropped - 1);
    uint64_t kept = (uint64_t)(quotient >> dropped);
    if (below > half || (below == half && (is_rest || kept & 1)))
        kept++;
    return ldexp((double)kept, dropped - 64 - zeros);
}

/* What neither way below can do exactly: the C library rounds it right. The number's form is known to be good. */
static const char *read_rounded(const char *text, const char *after, double *number)
{
    char copy[LONGEST_NUMBER];
    const size_t size = (size_t)(after - text);
    if (size >= sizeof copy)
        return NULL;
    memcpy(copy, text, size);
    copy[size] = '\0';
    *number = strtod_l(copy, NULL, plain_locale);
    return isfinite(*number) ? after : NULL;
}

/* -?digits[.digits][e[+-]digits], with digits on one side of the point at least. The quotient of two exact doubles is
 * rounded right, and most numbers are such a quotient. */
static inline const char *read_number(const char *const text, double *number)
{
    const int negative = *text == '-';
    const char *const digits = text + negative;
    uint64_t value = 0;
    const char *after = read_digits(digits, &value);
    ptrdiff_t count = after - digits, decimals = 0;
    if (*after == '.') {
        const char *const point = after;
        after = read_digits(point + 1, &value);
        decimals = after - point - 1;
        count += decimals;
    }
    if (count == 0)
        return NULL;
    if (*after == 'e' || *after == 'E') {
        after += after[1] == '-' || after[1] == '+' ? 2 : 1;
        if (!is_digit(*after))
            return NULL;
        while (is_digit(*after))
            after++;
        return read_rounded(text, after, number);
    }
    if (count > MOST_DIGITS)
        return read_rounded(text, after, number);
    const int is_exact = value <= MOST_EXACT_WHOLE; /* and so is the power: there are not more decimals than digits */
    const double size = is_exact ? (double)value / POWERS_OF_TEN[decimals] : divided(value, decimals);
    *number = negative ? -size : size;
    return after;
}

/* A number that is a time. With five decimals at most and an exponent that is greater a spreadsheet has rounded it. */
static inline const char *read_seconds(const char *const text, double *number)
{
    enum { MOST_DECIMALS = 5, MOST_EXPONENT = 1000 };
    const char *const after = read_number(text, number);
    if (after == NULL)
        return NULL;
    const char *sign = after - 1; /* from the end: nearly always there is a point first */
    while (sign > text && is_digit(*sign))
        sign--;
    if (*sign != 'e' && *sign != 'E' && *sign != '+')
        return after;
    int exponent = 0, decimals = 0;
    for (const char *digit = sign + 1; digit < after; digit++)
        exponent = exponent < MOST_EXPONENT ? exponent * 10 + (*digit - '0') : exponent;
    const char *digit = *sign == '+' ? sign - 2 : sign - 1;
    for (; digit > text && is_digit(*digit); digit--)
        decimals++;
    if (*digit != '.')
        decimals = 0;
    return decimals <= MOST_DECIMALS && decimals < exponent ? NULL : after;
}

#endif
