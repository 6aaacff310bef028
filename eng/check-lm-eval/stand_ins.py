"""Stands in for the packages that the harness imports at its start and Debian lacks. Of these the checked tasks use `datasets`
alone, which reads local JSON lines here. Import this before lm_eval."""

import importlib.machinery
import json
import pathlib
import sys
import types


class Dataset(list):
    """Rows, with the members of datasets.Dataset that the harness uses."""

    @property
    def column_names(self):
        return list(self[0])

    @property
    def features(self):
        return dict.fromkeys(self.column_names)

    @property
    def num_rows(self):
        return len(self)

    def __getitem__(self, key):
        if isinstance(key, str):
            return [row[key] for row in self]
        found = super().__getitem__(key)
        return Dataset(found) if isinstance(key, slice) else found

    def select(self, indices):
        return Dataset(self[index] for index in indices)


class DatasetDict(dict):
    """Sets of rows by split."""


def load_dataset(path, name=None, data_files=None, split=None, **_):
    if path != "json":
        raise NotImplementedError(f"only local JSON lines are read here, not {path}")
    lines = {each: pathlib.Path(file).read_text("utf-8").split("\n") for each, file in data_files.items()}
    sets = DatasetDict({each: Dataset(json.loads(line) for line in found if line) for each, found in lines.items()})
    return sets[split] if split else sets


class MarkdownTable:
    """The harness prints its figures with it; they are read from its files here."""

    def dumps(self):
        return ""


def module(name, **members):
    made = types.ModuleType(name)
    made.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
    made.__path__ = []
    vars(made).update(members)
    sys.modules[name] = made
    return made


def install():
    modes = types.SimpleNamespace(REUSE_DATASET_IF_EXISTS=None, REUSE_CACHE_IF_EXISTS=None, FORCE_REDOWNLOAD=None)
    datasets = module(
        "datasets", __version__="4.0.0", Dataset=Dataset, DatasetDict=DatasetDict, load_dataset=load_dataset, DownloadMode=modes,
        IterableDataset=type("IterableDataset", (), {}))
    datasets.config = module("datasets.config", HF_DATASETS_TRUST_REMOTE_CODE=False)
    datasets.utils = module("datasets.utils")
    datasets.utils.metadata = module("datasets.utils.metadata", MetadataConfigs=dict)
    datasets.exceptions = module("datasets.exceptions", DatasetNotFoundError=type("DatasetNotFoundError", (Exception,), {}))
    module("pytablewriter", MarkdownTableWriter=MarkdownTable, LatexTableWriter=MarkdownTable)
    module("evaluate", __version__="0.4.0")
    module("sacrebleu")
    module("word2number", w2n=None)
    scores = module("rouge_score")
    scores.rouge_scorer = module("rouge_score.rouge_scorer")
    scores.scoring = module("rouge_score.scoring")


install()
