// The token ids that llama.cpp gives to documents, with the tokens that the vocabulary puts around a text.
//
//   llama_tokens MODEL.gguf           documents on standard input, each ended by a zero byte; a line of ids for each
#include <llama.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static void fail(const char *what) {
    fprintf(stderr, "llama_tokens: %s\n", what);
    exit(1);
}

static void keep_errors(enum ggml_log_level level, const char *text, void *unused) {
    (void)unused;
    if (level >= GGML_LOG_LEVEL_ERROR) fputs(text, stderr);
}

int main(int argc, char **argv) {
    if (argc != 2) fail("usage: llama_tokens MODEL.gguf");
    llama_log_set(keep_errors, NULL);
    struct llama_model_params params = llama_model_default_params();
    params.vocab_only = true;
    struct llama_model *model = llama_model_load_from_file(argv[1], params);
    if (!model) fail("the vocabulary cannot be loaded");
    const struct llama_vocab *vocab = llama_model_get_vocab(model);

    char *text = NULL;
    size_t capacity = 0;
    for (ssize_t length; (length = getdelim(&text, &capacity, '\0', stdin)) > 0;) {
        if (text[length - 1] == '\0') length--;
        const int room = 2 * (int)length + 8;
        llama_token *ids = malloc(room * sizeof *ids);
        const int count = llama_tokenize(vocab, text, (int)length, ids, room, true, true);
        if (count < 0) fail("more tokens than bytes");
        for (int i = 0; i < count; i++) printf(i ? " %d" : "%d", ids[i]);
        putchar('\n');
        free(ids);
    }

    free(text);
    llama_model_free(model);
    return 0;
}
