/* A small inventory. */
#include <stdio.h>
#include "parts.h"

#define SHELF_MAX 64
#define MAX(a, b) ((a) > (b) ? (a) : (b))

typedef unsigned int count_t;

/* A part and how many there are. */
struct part {
    const char *name;
    count_t count;
};

typedef struct {
    struct part *parts;
    size_t len;
} shelf_t;

enum size { SMALL = 1, LARGE };

union value {
    int number;
    char *text;
};

static int total = 0;

extern int find(const shelf_t *shelf, const char *name);

/* Counts everything there is. */
static count_t count(const shelf_t *shelf)
{
    count_t sum = 0;
    for (size_t i = 0; i < shelf->len; i++) {
        sum += shelf->parts[i].count;
    }
    return MAX(sum, 1);
}

char *label(struct part *part, char buffer[32])
{
    snprintf(buffer, 32, "%s x %u {", part->name, part->count);
    return buffer;
}

#ifdef WITH_MAIN
int main(int argc, char **argv)
{
    shelf_t shelf = { .parts = NULL, .len = 0 };
    (void)argc;
    (void)argv;
    return (int)count(&shelf) + total;
}
#endif
