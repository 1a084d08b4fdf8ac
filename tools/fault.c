/* fault.c - one sentence that says what went wrong. */
#include "fault.h"

#include <stdarg.h>
#include <stdio.h>

bool fault_set(fault *why, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why->text, sizeof why->text, format, arguments);
    va_end(arguments);
    return false;
}
