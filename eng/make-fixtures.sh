#!/usr/bin/env bash
# Makes the checkpoints of tests/fixtures/hf-more that eng/make-fixtures/settings.py describes, with Hugging Face transformers:
# tiny random models, their logits, loss, gradients and greedy generation. Each file is smaller than 100 KB, and switching a
# setting off changes a logit by more than 1e-3. tests/fixtures/hf-more/README.md says what the files contain.
#
#   eng/make-fixtures.sh [NAME...]      NAME: only these
#
# Debian's testing suite is set up by eng/testing.sh, which says what can be set. Other versions of transformers and PyTorch may
# give other weights and inputs. Not part of ./test: the set-up takes minutes and 3 GB.
set -euo pipefail
eng=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
# shellcheck source=eng/common.sh
source "$eng/common.sh"
# shellcheck source=eng/testing.sh
source "$eng/testing.sh"

OMP_NUM_THREADS=1 # the models are tiny, and sums in another order round differently
set_up_testing python3-torch python3-transformers python3-accelerate
new_work bam-fixtures
cp "$eng/make-fixtures/"*.py "$work/"

say "transformers makes models and computes what they give"
in_testing python3 /tmp/bam-fixtures/make.py /tmp/bam-fixtures/models "$@" >"$work/make.log" 2>&1 \
  || give_up "make.py failed: $(tail -n 3 "$work/make.log")"

grep "largest change" "$work/make.log"
fixtures=$root/tests/fixtures/hf-more
mkdir -p "$fixtures"
for model in "$work"/models/*; do
  rm -rf "${fixtures:?}/${model##*/}"
  cp -r "$model" "$fixtures/"
done
