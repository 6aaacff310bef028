# shellcheck shell=bash
# Part of eng/check-transformers.sh: what Bam writes in the forms of transformers' own families, from models that are saved here
# and from fixtures of these families.

say "Bam writes transformers' own forms"
check forms_save.py || give_up "forms_save.py failed: $(tail -n 3 "$work/forms_save.py.log")"
mkdir -p "$work"/forms/{written,ids,mixtures}

mixture_as() { # NAME OPTION...: a BTX mixture of a dense model and two copies, written as <family>_moe
  local model=$work/forms/dense/${1%.*} name=$1
  local models=(--seed "$model/0" --expert "$model/1" --expert "$model/2" --top-k 2 "${@:2}")
  run mix btx "${models[@]}" --output "$work/forms/mixtures/$name"
  run mix btx "${models[@]}" --format "${name%%[-.]*}_moe" --output "$work/forms/written/$name"
  cp "$model/0/expected.safetensors" "$work/forms/ids/$name.safetensors"
  forward "$work/forms/mixtures/$name" "$model/0/expected.safetensors" "forms/$name"
}
for model in "$work"/forms/dense/*; do
  mixture_as "${model##*/}.normalised" --norm-topk
  mixture_as "${model##*/}.not-normalised"
done

written_as() { # FORMAT MODEL: exports a model
  local name=${2##*/}
  run export "$2" --format "$1" --output "$work/forms/written/$name"
  cp "$2/expected.safetensors" "$work/forms/ids/$name.safetensors"
  forward "$2" "$2/expected.safetensors" "forms/$name"
}
for model in "$work"/forms/llama/*; do written_as llama "$model"; done
for format in qwen2_moe qwen3_moe olmoe mixtral; do
  for model in "$root/tests/fixtures"/hf*/"${format/_/-}"*; do written_as "$format" "$model"; done
done
check forms.py || give_up "forms.py failed: $(tail -n 3 "$work/forms.py.log")"
