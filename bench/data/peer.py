#!/usr/bin/python3
"""
Hugging Face's tokenizers: the rate of encode_batch over documents in memory, or of its BPE trainer.

    peer.py tokenize TOKENIZER.json MEGABYTES FILE.jsonl...
    peer.py train VOCABULARY_SIZE OUTPUT.json FILE.jsonl...
"""
import hashlib
import json
import sys
import time

import tokenizers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

BATCH = 1000


def texts(files, most=float("inf")):
    size = 0
    for path in files:
        with open(path) as file:
            for line in file:
                text = json.loads(line)["text"]
                yield text
                size += len(text.encode())
                if size >= most:
                    return


def tokenize(path, megabytes, files):
    tokenizer = Tokenizer.from_file(path)
    documents = list(texts(files, int(megabytes) * 1_000_000))
    tokenizer.encode_batch(documents[:200], add_special_tokens=False)
    tokens, digest, seconds = 0, hashlib.sha256(), 0.0
    for start in range(0, len(documents), BATCH):
        began = time.perf_counter()
        encoded = tokenizer.encode_batch(documents[start:start + BATCH], add_special_tokens=False)
        seconds += time.perf_counter() - began
        for one in encoded:
            ids = one.ids
            tokens += len(ids)
            digest.update(b"".join(number.to_bytes(4, "little") for number in ids))
    began = time.perf_counter()
    for start in range(0, len(documents), BATCH):
        tokenizer.encode_batch_fast(documents[start:start + BATCH], add_special_tokens=False)
    return dict(bytes=sum(len(text.encode()) for text in documents), documents=len(documents), tokens=tokens,
        digest=digest.hexdigest(), tokenizing=seconds, without_offsets=time.perf_counter() - began)


def train(size, output, files):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=int(size), min_frequency=2, special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    began = time.perf_counter()
    tokenizer.train_from_iterator(texts(files), trainer)
    seconds = time.perf_counter() - began
    tokenizer.save(output)
    return dict(training=seconds)


if __name__ == "__main__":
    verb, *arguments = sys.argv[1:]
    result = tokenize(arguments[0], arguments[1], arguments[2:]) if verb == "tokenize" else train(*arguments[:2], arguments[2:])
    print(json.dumps(dict(result, version=tokenizers.__version__)))
