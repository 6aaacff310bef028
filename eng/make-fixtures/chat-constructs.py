"""Fills in what Jinja2 renders, set up as transformers' apply_chat_template, for tests/fixtures/chat/constructs.json.

Needs transformers and jinja2. Usage: chat-constructs.py < constructs.json > new.json
Each entry has a template and variables; it gets "text", or "fails": true where Jinja2 refuses the template or the variables.
The ranges of {% generation %} blocks become "generated".
"""
import json
import sys
from datetime import datetime

from transformers.utils import chat_template_utils


class Then(datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2026, 11, 30, 9, 5, 7)


chat_template_utils.datetime = Then


def render(entry):
    entry = {key: entry[key] for key in ("about", "template", "variables") if key in entry}
    variables = dict(entry.get("variables", {}))
    try:
        compiled = chat_template_utils._compile_jinja_template(entry["template"])
        tracker = compiled.environment.extensions
        tracker = next(value for value in tracker.values() if hasattr(value, "activate_tracker"))
        blocks, ranges = [], []
        with tracker.activate_tracker(blocks, ranges):
            for block in compiled.generate(**variables):
                blocks.append(block)
        entry["text"] = "".join(blocks)
        if ranges:
            entry["generated"] = [list(span) for span in ranges]
    except Exception as fault:
        entry["fails"] = True
        print(f"{entry['template']!r}: {type(fault).__name__}: {fault}", file=sys.stderr)
    return entry


entries = [render(entry) for entry in json.load(sys.stdin)]
print("[\n" + ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries) + "\n]")
