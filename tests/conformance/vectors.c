/* The scanner of docs/vectors: JSON as tools/vector_file.py writes it, a case per line, so no more than this is needed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance.h"

int vectors_open(vectors *v, const char *folder, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    *v = (vectors){.name = name};
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "conformance: %s cannot be read\n", path);
        return 0;
    }
    fseek(file, 0, SEEK_END);
    const long size = ftell(file);
    rewind(file);
    v->text = memory_for(size + 1, 1);
    const size_t got = fread(v->text, 1, (size_t)size, file);
    fclose(file);
    return got == (size_t)size;
}

void vectors_close(vectors *v) { free(v->text); }

static void missing(const vectors *v, const char *what) {
    fprintf(stderr, "conformance: %s has no \"%s\" where it is looked for\n", v->name, what);
    exit(3);
}

void vectors_section(vectors *v, const char *section) {
    char head[64];
    snprintf(head, sizeof head, "\n  \"%s\": [", section);
    v->line = strstr(v->text, head);
    if (!v->line)
        missing(v, section);
    v->line = strchr(v->line + 1, '\n');
}

int vectors_next(vectors *v) {
    static const char indent[] = "\n    ";
    if (v->line)
        v->line = strchr(v->line + (v->line[0] == '\n' ? 0 : 1), '\n');
    if (!v->line || strncmp(v->line, indent, sizeof indent - 1) != 0)
        return 0;
    v->line++; /* into the line, so that the next call goes on behind it */
    v->cases++;
    return 1;
}

void vectors_check(vectors *v, int right, const char *what) {
    if (right)
        return;
    if (!v->wrong++)
        printf("FAILED %s: %s: %.100s\n", v->name, what, v->line);
}

const char *field(const vectors *v, const char *name) {
    char key[64];
    snprintf(key, sizeof key, "\"%s\": ", name);
    const char *at = strstr(v->line, key), *line_end = strchr(v->line, '\n');
    if (!at || (line_end && at > line_end))
        missing(v, name);
    return at + strlen(key);
}

uint64_t field_hex(const vectors *v, const char *name) { return strtoull(field(v, name) + 1, NULL, 16); }

int64_t field_int(const vectors *v, const char *name) { return strtoll(field(v, name), NULL, 10); }

double field_double(const vectors *v, const char *name) {
    const char *at = field(v, name);
    return strtod(at + (*at == '"'), NULL);
}

int field_is(const vectors *v, const char *name, const char *text) {
    const char *at = field(v, name) + 1;
    return !strncmp(at, text, strlen(text)) && at[strlen(text)] == '"';
}

pc_draw field_key(const vectors *v) {
    uint64_t number[3] = {0};
    const char *at = field(v, "key");
    for (int i = 0; i < 3 && at; i++)
        at = list_number(at, 16, &number[i]);
    return (pc_draw){number[0], number[1], (uint32_t)number[2]};
}

const char *list_number(const char *at, int base, uint64_t *number) {
    char *stop;
    at += strspn(at, "[, \"");
    *number = strtoull(at, &stop, base);
    return stop == at ? NULL : stop + (*stop == '"');
}

double *list_doubles(const char *at, int64_t *count) {
    const char *end = strchr(at, ']');
    double *x = memory_for(end - at, sizeof *x);
    for (*count = 0;; ++*count) {
        at += strspn(at, "[, \"");
        if (at >= end)
            return x;
        char *stop;
        x[*count] = strtod(at, &stop);
        at = stop;
    }
}

double *uniform_powers(uint64_t seed, int64_t n, int power, int exponent) {
    double *w = memory_for(n, sizeof *w);
    const pc_draw draw = {.seed = seed};
    for (int64_t i = 0; i < n; i++) {
        const double u = pc_uniform(&draw, (uint64_t)i);
        w[i] = 1;
        for (int k = 0; k < power; k++)
            w[i] *= u;
        w[i] = ldexp(w[i], exponent);
    }
    return w;
}
