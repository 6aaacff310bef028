"""
Gives every tokenizer a tiny model of Llama's form around it, with two ends of text and a token for padding, which Bam can then
export.
"""

import json
import pathlib
import sys

from transformers import LlamaConfig, LlamaForCausalLM

SIZES = dict(hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2,
    tie_word_embeddings=True)


def main():
    for directory in (pathlib.Path(sys.argv[1]) / "vocabularies").iterdir():
        tokenizer = json.loads((directory / "tokenizer.json").read_text())
        ids = [*tokenizer["model"]["vocab"].values(), *(token["id"] for token in tokenizer["added_tokens"])]
        special = [token["id"] for token in tokenizer["added_tokens"] if token["special"]]
        tokens = dict(bos_token_id=None, eos_token_id=[special[0], special[-1]], pad_token_id=special[1])
        LlamaForCausalLM(LlamaConfig(vocab_size=max(ids) + 1, **tokens, **SIZES)).save_pretrained(directory)


if __name__ == "__main__":
    main()
