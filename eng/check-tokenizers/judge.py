# Reads a tokenizer.json and documents from standard input, each a JSON string in a line; writes a line of ids for each document.
import json
import sys

from tokenizers import Tokenizer

lines = sys.stdin.buffer
tokenizer = Tokenizer.from_str(json.loads(lines.readline()))
for line in lines:
    ids = tokenizer.encode(json.loads(line), add_special_tokens=False).ids
    print(*ids)
    print(json.dumps(tokenizer.decode(ids, skip_special_tokens=False)))
