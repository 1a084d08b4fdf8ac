/* test_weights.c - the reader of .safetensors: what is right is read, anything else is refused with a sentence. */
#include "suites.h"

#include "../../examples/tinydiff/network.h"
#include "../../examples/tinydiff/weights.h"
#include "files.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TENSOR(name, type, shape, first, end)                                                                          \
    "\"" name "\":{\"dtype\":\"" type "\",\"shape\":[" shape "],\"data_offsets\":[" #first "," #end "]}"

static bool parses(const char *header, size_t data, weight_file *w, char *why)
{
    size_t size;
    unsigned char *bytes = file_of(header, data, &size);
    return weights_parse(w, bytes, size, why);
}

START_TEST(a_file_is_read)
{
    char why[WHY];
    weight_file w;
    const char *header = " {\"__metadata__\": {\"width\": \"128\", \"none\": \"\", \"text\": \"a\\\"b\"},\n" TENSOR(
        "b", "F16", "2, 3", 4, 16) ", " TENSOR("a", "F32", "", 0, 4) "," TENSOR("c", "BF16", "0,7", 16, 16) "}   ";
    ck_assert_msg(parses(header, 16, &w, why), "%s", why);
    const tensor *b = weights_find(&w, "b");
    ck_assert(b && b->axes == 2 && b->extent[1] == 3 && tensor_elements(b) == 6 && b->type == ELEMENT_F16);
    ck_assert(weights_find(&w, "a") && weights_find(&w, "c") && !weights_find(&w, "d") && !weights_find(&w, ""));
    ck_assert_int_eq(weights_number(&w, "width"), 128);
    ck_assert_int_eq(weights_number(&w, "none"), -1);
    ck_assert_int_eq(weights_number(&w, "text"), -1);
    weights_free(&w);
}
END_TEST

static const struct {
    const char *header;
    size_t data;
} wrong[] = {
    { "", 0 },
    { "[]", 0 },
    { "{", 0 },
    { "{} x", 0 },
    { "{" TENSOR("a", "F32", "1", 0, 4) "}", 3 },
    { "{" TENSOR("a", "F32", "1", 0, 4) "}", 5 },
    { "{" TENSOR("a", "F32", "2", 0, 4) "}", 4 },
    { "{" TENSOR("a", "F33", "1", 0, 4) "}", 4 },
    { "{" TENSOR("a", "F32", "1", 4, 0) "}", 4 },
    { "{" TENSOR("a", "F32", "-1", 0, 4) "}", 4 },
    { "{" TENSOR("a", "F32", "01", 0, 4) "}", 4 },
    { "{" TENSOR("a", "F32", "1.0", 0, 4) "}", 4 },
    { "{" TENSOR("a", "F32", "1,1,1,1,1,1,1,1,1", 0, 4) "}", 4 },
    { "{" TENSOR("a", "F32", "4611686018427387904,4", 0, 0) "}", 0 },
    { "{" TENSOR("a", "F32", "99999999999999999999", 0, 4) "}", 4 },
    { "{" TENSOR("a", "F32", "1", 0, 4) "," TENSOR("a", "F32", "1", 4, 8) "}", 8 },
    { "{" TENSOR("a", "F32", "1", 0, 4) "," TENSOR("b", "F32", "1", 0, 4) "}", 4 },
    { "{" TENSOR("a", "F32", "1", 0, 4) "," TENSOR("b", "F32", "1", 8, 12) "}", 12 },
    { "{" TENSOR("a", "F32", "1", 0, 4) ",}", 4 },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4 },
    { "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4 },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 4 },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4 },
    { "{\"__metadata__\":{\"a\":1}}", 0 },
    { "{\"__metadata__\":{\"a\":\"b\"},\"__metadata__\":{\"a\":\"b\"}}", 0 },
    { "{\"a\n\":{}}", 0 },
    { "{\"a", 0 },
    { "{\"a\\", 0 },
};

START_TEST(a_wrong_file_is_refused)
{
    char why[WHY] = "";
    weight_file w;
    ck_assert_msg(!parses(wrong[_i].header, wrong[_i].data, &w, why), "%s", wrong[_i].header);
    ck_assert(*why && !w.bytes && !w.tensors && !w.notes);
}
END_TEST

START_TEST(a_short_file_is_refused)
{
    char why[WHY];
    weight_file w;
    size_t size;
    for (size_t keep = 0; keep < 12; keep++) {
        unsigned char *bytes = file_of("{}  ", 0, &size);
        ck_assert_int_eq(weights_parse(&w, bytes, keep, why), keep == size);
        weights_free(&w);
    }
    ck_assert(!weights_read(&w, "/none/at/all", why) && strstr(why, "/none/at/all"));
}
END_TEST

/* Every half number: sign, exponent and fraction by arithmetic. */
START_TEST(half_numbers_are_exact)
{
    unsigned char bytes[2];
    tensor t = { .type = ELEMENT_F16, .axes = 0, .data = bytes };
    for (int i = 0; i < 65536; i++) {
        float f;
        const int exponent = i >> 10 & 31, fraction = i & 1023;
        const double right = exponent == 31 ? (fraction ? NAN : INFINITY)
                             : exponent     ? ldexp(1024 + fraction, exponent - 25)
                                            : ldexp(fraction, -24);
        bytes[0] = (unsigned char)i, bytes[1] = (unsigned char)(i >> 8);
        tensor_floats(&t, &f);
        if (isnan(right)) ck_assert(isnan(f));
        else ck_assert(f == (float)(i >> 15 ? -right : right) && !signbit(f) == !(i >> 15));
    }
    bytes[0] = 0x80, bytes[1] = 0xbf, t.type = ELEMENT_BF16;
    float f;
    tensor_floats(&t, &f);
    ck_assert_float_eq(f, -1);
}
END_TEST

START_TEST(a_network_is_read_whole_or_not)
{
    char path[] = "/tmp/tinydiff.XXXXXX", why[WHY];
    const int file = mkstemp(path);
    network n;
    ck_assert(file >= 0);
    close(file);
    write_network(path, 4, 0);
    ck_assert_msg(network_read(&n, path, why), "%s", why);
    ck_assert(n.side == 4 && n.layers == 3 && n.width == 32 && n.blocks[2].up.to == 128);
    network_free(&n);
    ck_assert_int_eq(truncate(path, 1000), 0);
    ck_assert(!network_read(&n, path, why) && !n.memory && !n.blocks);
    unlink(path);
}
END_TEST

Suite *weights_suite(void)
{
    Suite *s = suite_create("weights");
    TCase *c = tcase_create("weights");
    tcase_add_test(c, a_file_is_read);
    tcase_add_loop_test(c, a_wrong_file_is_refused, 0, sizeof wrong / sizeof *wrong);
    tcase_add_test(c, a_short_file_is_refused);
    tcase_add_test(c, half_numbers_are_exact);
    tcase_add_test(c, a_network_is_read_whole_or_not);
    suite_add_tcase(s, c);
    return s;
}
