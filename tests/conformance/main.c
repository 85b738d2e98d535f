/* conformance [ROOT]: hash what the core draws, at every level that this machine runs and with 1 and 4 workers. With
 * ROOT, the root of the repository, the hashes are compared with expected.txt, and the vector files are checked.
 *
 * Exit status: 0; 1 if anything differs, or a file cannot be read; 3 if there is no memory, or a vector file lacks what
 * is looked for. */
#include <stdio.h>
#include <string.h>

#include "batch/call.h"
#include "conformance.h"
#include "dispatch/answers.h"
#include "dispatch/isa.h"

int workers;

enum { MOST_TOPICS = 96 };

typedef struct {
    const topic *topic;
    uint64_t hash;
} result;

static const struct {
    const char *file;
    void (*check)(vectors *);
} vector_files[] = {
    {"race-v1.json", check_race},
    {"kept-v1.json", check_kept},
    {"minhash-v1.json", check_minhash},
    {"protocol-v1.json", check_protocol},
};

static int go_on(void **raised) {
    (void)raised;
    return 0;
}

static int list_topics(result *results) {
    const topic *const groups[] = {random_topics, race_topics,     kept_topics,
                                   sketch_topics, protocol_topics, status_topics};
    int count = 0;
    for (int g = 0; g < LENGTH(groups); g++)
        for (const topic *t = groups[g]; t->name; t++)
            results[count++].topic = t;
    return count;
}

/* Hash all topics; the first time keep the hashes, later compare. Returns how many differ. */
static int hash_topics(result *results, int count, const char *level, int first) {
    int differ = 0;
    for (int i = 0; i < count; i++) {
        digest d = {UINT64_C(0xcbf29ce484222325)};
        const pc_call before = pc_call_begin(workers, go_on);
        results[i].topic->run(&d, results[i].topic->what);
        pc_call_end(before);
        if (first)
            results[i].hash = d.state;
        if (results[i].hash == d.state)
            continue;
        printf("FAILED %s: level %s with workers=%d gives %016llx, not %016llx\n", results[i].topic->name, level,
               workers, (unsigned long long)d.state, (unsigned long long)results[i].hash);
        differ++;
    }
    return differ;
}

/* Returns how many files have a wrong case, or cannot be read. */
static int check_vectors(const char *root, const char *level, int say) {
    char folder[4096];
    int wrong = 0;
    snprintf(folder, sizeof folder, "%s/docs/vectors", root);
    for (int i = 0; i < LENGTH(vector_files); i++) {
        vectors v;
        if (!vectors_open(&v, folder, vector_files[i].file))
            return 1;
        vector_files[i].check(&v);
        if (v.wrong)
            printf("FAILED %s: level %s: %d values are wrong\n", v.name, level, v.wrong);
        else if (say)
            printf("%s: %d cases are right\n", v.name, v.cases);
        wrong += v.wrong != 0 || v.cases == 0;
        vectors_close(&v);
    }
    return wrong;
}

static int compare(const char *root, const result *results, int count) {
    vectors v; /* for its text alone */
    int differ = 0;
    if (!vectors_open(&v, root, "tests/conformance/expected.txt"))
        return 1;
    for (int i = 0; i < count; i++) {
        char line[128];
        snprintf(line, sizeof line, "\n%s %016llx\n", results[i].topic->name, (unsigned long long)results[i].hash);
        if (strstr(v.text, line))
            continue;
        printf("FAILED %s: expected.txt has another hash\n", results[i].topic->name);
        differ++;
    }
    vectors_close(&v);
    return differ;
}

int main(int argc, char **argv) {
    static result results[MOST_TOPICS];
    const char *root = argc > 1 ? argv[1] : NULL;
    const int count = list_topics(results);
    int wrong = 0;
    for (int i = 0; pc_isa_level(i); i++) {
        const char *level = pc_isa_level(i)->name;
        if (!pc_isa_use(level)) {
            printf("level %s: compiled, not run: this CPU lacks it\n", level);
            continue;
        }
        printf("level %s: run\n", level);
        fflush(stdout);
        workers = 4;
        wrong += hash_topics(results, count, level, i == 0);
        workers = 1;
        wrong += hash_topics(results, count, level, 0);
        if (root)
            wrong += check_vectors(root, level, i == 0);
        const char *answer = pc_wrong_answer(pc_isa_level(i)); /* times of darts too, which no draw shows */
        if (answer)
            printf("FAILED %s: level %s does not give the known answer\n", answer, level);
        wrong += answer != NULL;
    }
    for (int i = 0; i < count; i++)
        printf("%s %016llx\n", results[i].topic->name, (unsigned long long)results[i].hash);
    if (root)
        wrong += compare(root, results, count);
    return wrong != 0;
}
