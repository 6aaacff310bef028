"""Cuts public task files to some dozens of items, in the forms that Bam and the harness read, and writes the text that a model is
trained on: other items of piqa, and the items of gsm8k and nq_open themselves, so that some answers are right.

python3 prepare.py FOLDER, with the public files in FOLDER/public."""

import csv
import json
import pathlib
import sys

PIQA, GSM8K, NQ, SUBJECT = 40, 16, 40, 10  # items
EXAMPLES = 24  # of gsm8k, to draw from
FEW_SHOT = 5  # of gsm8k, by its definition, and of mmlu

root = pathlib.Path(sys.argv[1])
data = root / "data"


def lines_of(pattern):
    found = sorted((root / "public").glob(pattern))
    if len(found) != 1:
        sys.exit(f"{pattern}: one file is expected among the task files, {len(found)} are there")
    return found[0].read_text("utf-8").splitlines()


def rows_of(pattern):
    return [json.loads(line) for line in lines_of(pattern)]


def write_rows(name, rows):
    file = data / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(file)


def write_task(name, base, few_shot=None, **files):
    """A task of the harness as it is defined there, with local files for its splits."""
    settings = dict(
        include=str(root / "lm_eval/tasks" / base), task=f"check_{name}", dataset_path="json", dataset_name=None, tag=None,
        dataset_kwargs=dict(data_files=files))
    if few_shot is not None:
        settings["num_fewshot"] = few_shot
    (root / "tasks").mkdir(exist_ok=True)
    (root / "tasks" / f"{name}.yaml").write_text(json.dumps(settings), "utf-8")


def piqa():
    rows = [dict(row, label=int(label)) for row, label in zip(rows_of("piqa*.jsonl"), lines_of("piqa*-labels.lst"), strict=True)]
    file = write_rows("piqa.jsonl", rows[:PIQA])
    write_task("piqa", "piqa/piqa.yaml", validation=file, train=file)
    return [f"Question: {row['goal']}\nAnswer: {row['sol1'] if row['label'] == 0 else row['sol2']}" for row in rows[PIQA:]]


def gsm8k():
    rows = rows_of("gsm8k*.jsonl")[:GSM8K + EXAMPLES]
    files = dict(test=write_rows("gsm8k.jsonl", rows[:GSM8K]), train=write_rows("gsm8k-examples.jsonl", rows[GSM8K:]))
    write_task("gsm8k", "gsm8k/gsm8k.yaml", **files)
    return [f"Question: {row['question']}\nAnswer: {row['answer']}\n\n" for row in rows]


def nq_open():
    rows = rows_of("nq-open*.jsonl")
    file = write_rows("nq_open.jsonl", rows[:NQ])
    write_task("nq_open", "nq_open/nq_open.yaml", validation=file, train=file)
    return [f"Answer these questions:\n\nQ: {row['question']}?\nA: {row['answer'][0]}\n" for row in rows[:NQ]]


def mmlu():
    subjects = []
    for file in sorted((root / "public/mmlu/test").glob("*_test.csv")):
        subject = file.name.removesuffix("_test.csv")
        files = {}
        for split, count in (("test", SUBJECT), ("dev", FEW_SHOT)):
            with open(root / f"public/mmlu/{split}/{subject}_{split}.csv", newline="", encoding="utf-8") as opened:
                header, *rows = list(csv.reader(opened))
            rows = rows[:count]
            (data / "mmlu" / split).mkdir(parents=True, exist_ok=True)
            with open(data / f"mmlu/{split}/{subject}_{split}.csv", "w", newline="", encoding="utf-8") as opened:
                csv.writer(opened).writerows([header, *rows])
            read = [dict(question=row[0], choices=row[1:5], answer=int(row[5])) for row in rows]
            files[split] = write_rows(f"mmlu-json/{subject}_{split}.jsonl", read)
        write_task(f"mmlu_{subject}", f"mmlu/default/mmlu_{subject}.yaml", FEW_SHOT, **files)
        subjects.append(f"check_mmlu_{subject}")
    group = dict(group="check_mmlu", task=subjects, aggregate_metric_list=[dict(metric="acc", weight_by_size=True)])
    (root / "tasks/mmlu.yaml").write_text(json.dumps(group), "utf-8")


for name, texts in dict(piqa=piqa(), gsm8k=gsm8k(), nq_open=nq_open()).items():
    write_rows(f"texts/{name}.jsonl", [dict(text=text) for text in texts])
mmlu()
