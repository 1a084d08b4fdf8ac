/* names.c - what values are called in sentences. */
#include <stdio.h>

#include "../methods/method.h"
#include "../rules/rule.h"
#include "check.h"

static ag_name name_of(const char *const *names, size_t count, int value)
{
    ag_name name;
    if (value >= 0 && (size_t)value < count) snprintf(name.text, sizeof name.text, "%s", names[value]);
    else snprintf(name.text, sizeof name.text, "number %d", value);
    return name;
}

#define COUNT(table) (sizeof(table) / sizeof *(table))

ag_name ag_type_name(ag_dtype type)
{
    static const char *const names[] = { "none", "float32", "float16", "bfloat16", "uint8" };
    return name_of(names, COUNT(names), (int)type);
}

ag_name ag_operation_name(ag_operation operation)
{
    static const char *const names[] = { "attention", "blur", "received", "energy", "map" };
    return name_of(names, COUNT(names), (int)operation);
}

ag_name ag_method_name(ag_method method)
{
    const ag_method_room *room;
    for (int i = 0; (room = ag_method_number(i)); i++)
        if (room->info.method == method) return name_of(&room->info.name, 1, 0);
    return name_of(NULL, 0, (int)method);
}

ag_name ag_kind_name(ag_kind kind)
{
    const ag_method_room *room;
    for (int i = 0; (room = ag_method_number(i)); i++)
        if (room->info.variant && room->info.kind == kind) return name_of(&room->info.variant, 1, 0);
    return name_of(NULL, 0, (int)kind);
}

/* "smoothed", "scrambled of kind gather". */
ag_name ag_room_name(const struct ag_method_room *room)
{
    ag_name name;
    const char *variant = room->info.variant;
    snprintf(name.text, sizeof name.text, "%s%s%s", room->info.name, variant ? " of kind " : "",
             variant ? variant : "");
    return name;
}

/* "standard and smoothed": whose rows an operation beside attention takes. */
ag_name ag_operation_methods(ag_operation operation)
{
    ag_name name = { "" };
    const ag_method_room *room;
    size_t used = 0;
    for (int i = 0; (room = ag_method_number(i)); i++) {
        const uint32_t takes = room->info.takes;
        if (takes & AG_TAKES_IMAGE && !(operation == AG_BLUR && takes & AG_TAKES_BLUR)) continue;
        if (used < sizeof name.text)
            used += (size_t)snprintf(name.text + used, sizeof name.text - used, "%s%s", used ? " and " : "",
                                     room->info.name);
    }
    return name;
}

ag_name ag_rule_name(ag_rule rule)
{
    const ag_rule_room *room = ag_rule_find(rule);
    return name_of(room ? &room->info.name : NULL, room ? 1 : 0, room ? 0 : (int)rule);
}
