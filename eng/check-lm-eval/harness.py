"""Runs lm-evaluation-harness's own command line. python3 harness.py OPTION..."""

import sys

import stand_ins  # noqa: F401
from lm_eval.__main__ import cli_evaluate

sys.argv[0] = "lm_eval"
cli_evaluate()
