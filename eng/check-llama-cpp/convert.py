"""
llama.cpp's own converter, which knows a pre-tokenizer by a hash of published ones only: it is told that ours is GPT-2's.

    convert.py [--without-vocabulary] ...     the rest goes to the converter; a model without a tokenizer gets no vocabulary
"""

import runpy
import sys

sys.path.insert(0, "/usr/share/llama.cpp/llama.cpp-tools")

import conversion  # noqa: E402
from conversion import base  # noqa: E402

base.TextModel.get_vocab_base_pre = lambda self, tokenizer: "gpt-2"
if sys.argv[1] == "--without-vocabulary":
    del sys.argv[1]
    class_of = conversion.get_model_class

    def without_vocabulary(*arguments, **settings):
        model = class_of(*arguments, **settings)
        model.set_vocab = model._set_vocab_none
        return model

    conversion.get_model_class = without_vocabulary
runpy.run_path("/usr/share/doc/llama.cpp-tools/scripts/convert_hf_to_gguf.py", run_name="__main__")
