// Where llama.cpp stops, and with what it pads.
//
//   llama_ends MODEL.gguf             a line with the id for padding (-1 for none), and a line with every id that ends a text
#include <llama.h>
#include <stdio.h>

static void keep_errors(enum ggml_log_level level, const char *text, void *unused) {
    (void)unused;
    if (level >= GGML_LOG_LEVEL_ERROR) fputs(text, stderr);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fputs("usage: llama_ends MODEL.gguf\n", stderr);
        return 1;
    }
    llama_log_set(keep_errors, NULL);
    struct llama_model_params params = llama_model_default_params();
    params.vocab_only = true;
    struct llama_model *model = llama_model_load_from_file(argv[1], params);
    if (!model) return 1;
    const struct llama_vocab *vocab = llama_model_get_vocab(model);

    printf("%d\n", llama_vocab_pad(vocab));
    for (llama_token id = 0; id < llama_vocab_n_tokens(vocab); id++) {
        if (llama_vocab_is_eog(vocab, id)) printf("%d ", id);
    }
    putchar('\n');

    llama_model_free(model);
    return 0;
}
