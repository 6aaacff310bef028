"""llama.cpp's own converter, which knows a pre-tokenizer by a hash of published ones only: it is told that ours is GPT-2's."""

import runpy
import sys

sys.path.insert(0, "/usr/share/llama.cpp/llama.cpp-tools")

from conversion import base  # noqa: E402

base.TextModel.get_vocab_base_pre = lambda self, tokenizer: "gpt-2"
runpy.run_path("/usr/share/doc/llama.cpp-tools/scripts/convert_hf_to_gguf.py", run_name="__main__")
