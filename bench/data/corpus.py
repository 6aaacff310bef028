#!/usr/bin/python3
"""
Makes a corpus of real mixed text from Debian packages, which are downloaded and unpacked but not installed: FOLDER/part-00.jsonl
and so on, of 100 MB of text each, in an order that depends only on the texts. No text is there twice.

    corpus.py FOLDER MEGABYTES
"""
import gzip
import hashlib
import html
import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path

PART_BYTES = 100_000_000
LARGEST_SHARE = 0.2  # of the corpus, by one package
LONGEST = 1_000_000  # bytes of a text; longer ones are cut at a line
HTML = (".html", ".htm", ".page", ".xhtml")
TEXT = HTML + (
    ".c", ".h", ".S", ".py", ".go", ".rs", ".el", ".hs", ".erl", ".rkt", ".pl", ".pm", ".pod", ".txt", ".rst", ".md", ".mm",
    ".dts", ".dtsi", ".tex", ".xml", ".sh", ".js", ".1", ".2", ".3", ".4", ".5", ".6", ".7", ".8", ".3perl", ".dict.dz", ".texi",
    ".yaml")
HIDDEN = re.compile(r"<(script|style|head)\b.*?</\1\s*>|<!--.*?-->", re.DOTALL | re.IGNORECASE)
BREAK = re.compile(r"</?(?:p|div|h[1-6]|li|tr|br|pre|dt|dd|table|ul|ol)\b[^>]*>", re.IGNORECASE)
TAG = re.compile(r"<[^>]*>")
BLANK_LINES = re.compile(r"\s*\n\s*\n\s*")


def download(packages, folder):
    folder.mkdir(parents=True, exist_ok=True)
    missing = [name for name in packages if not list(folder.glob(f"{name}_*.deb"))]
    if missing:
        subprocess.run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *missing], cwd=folder, check=True)
    return [next(folder.glob(f"{name}_*.deb")) for name in packages]


def members(archive):
    """Names and contents of the files in a tar archive, and in archives inside it."""
    for member in archive:
        if not member.isfile():
            continue
        if ".tar." in member.name:
            with tarfile.open(fileobj=archive.extractfile(member), mode="r|*") as inner:
                yield from members(inner)
        else:
            name = member.name.removesuffix(".gz")
            if name.endswith(TEXT) and member.size > 200:
                content = archive.extractfile(member).read()
                yield name, gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content


def text_of(name, content):
    """The file's text, of HTML without its markup; None if it is not UTF-8 or short."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    if name.endswith(HTML):
        text = BLANK_LINES.sub("\n\n", html.unescape(TAG.sub("", BREAK.sub("\n", HIDDEN.sub("", text))))).strip()
    return text if len(text) > 200 else None


def cuts(text):
    """The text in pieces of at most LONGEST characters, cut after a line where one ends."""
    while len(text) > LONGEST:
        end = text.rfind("\n", LONGEST // 2, LONGEST) + 1 or LONGEST
        yield text[:end]
        text = text[end:]
    yield text


def texts_of(deb, largest):
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as process:
        size = 0
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            for name, content in members(archive):
                text = text_of(name, content)
                if text is None:
                    continue
                for piece in cuts(text):
                    size += len(piece.encode())
                    yield dict(text=piece, source=f"{deb.name.split('_')[0]}: {name}")
                if size > largest:
                    break
        process.kill()


def main():
    folder, size = Path(sys.argv[1]), int(sys.argv[2]) * 1_000_000
    wanted = [folder / f"part-{number:02}.jsonl" for number in range(-(-size // PART_BYTES))]
    if all(part.exists() for part in wanted):
        return
    lines = (Path(__file__).parent / "packages.txt").read_text().splitlines()
    debs = download([line for line in lines if line and not line.startswith("#")], folder / "packages")
    documents, total = {}, 0
    for deb in debs:
        before = total
        for document in texts_of(deb, LARGEST_SHARE * size):
            key = hashlib.sha256(document["text"].encode()).digest()
            if key not in documents:
                documents[key] = document
                total += len(document["text"].encode())
        print(f"{deb.name.split('_')[0]}: {(total - before) / 1e6:.0f} MB", file=sys.stderr)
    if total < size:
        sys.exit(f"corpus.py: the packages have {total / 1e6:.0f} MB of text, {size / 1e6:.0f} are wanted")
    order = iter(sorted(documents))
    for part in wanted:
        temporary = part.with_suffix(".tmp")
        written = 0
        with open(temporary, "w") as file:
            while written < PART_BYTES:
                document = documents[next(order)]
                written += len(document["text"].encode())
                file.write(json.dumps(document, ensure_ascii=False) + "\n")
        temporary.rename(part)


if __name__ == "__main__":
    main()
