"""Where files lie: folders of this machine, and any file system that pyarrow knows by a URI (s3://, gs://, hdfs://, file://)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from sentipress.core import files, folder
from sentipress.core.errors import UserError

try:
    import pyarrow as pa
    from pyarrow import fs as filesystems
except ImportError:
    raise UserError("the package pyarrow is not installed", "pip install -r requirements-scale.txt") from None

FORMS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet", ".pq": "parquet"}
PACKED = {"": "", ".gz": "gzip", ".bz2": "bz2", ".xz": "xz", ".zst": "zstd", ".lz4": "lz4"}  # to what unpacks it
READ = ".csv, .jsonl, .ndjson (also with .gz, .bz2, .xz, .zst, .lz4) or .parquet"


def resolve(place: str) -> tuple[Any, str]:
    """The file system of a path or URI, and the path in it.

    Raises:
        UserError: a URI that pyarrow does not know or whose system does not answer.
    """
    if "://" not in place:
        return filesystems.LocalFileSystem(), str(Path(place).absolute())
    try:
        system, path = filesystems.FileSystem.from_uri(place)
    except (ValueError, OSError, ImportError) as error:
        raise UserError(f"{place} cannot be opened ({_first_line(error)})", "give a path, or a URI such as s3://bucket/folder") from None
    return system, path


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


@dataclass(frozen=True)
class InputFile:
    """A file to be read.

    Attributes:
        name: as it is named in the answers: what the person gave, and for a folder the path below it.
        system: pyarrow's file system.
        path: in that system.
        form: "csv", "jsonl" or "parquet".
        packing: how it is compressed; "" for not at all.
        size: bytes.
        modified: nanoseconds since 1970; None where the system does not tell.
    """

    name: str
    system: Any
    path: str
    form: str
    packing: str
    size: int
    modified: int | None

    def identity(self) -> dict[str, Any]:
        """What tells whether the file has changed."""
        return {"file": self.name, "bytes": self.size, "modified_ns": self.modified}


def form_of(name: str) -> tuple[str, str] | None:
    """Form and packing by a name's endings; None for another kind of file."""
    path = PurePosixPath(name.lower())
    packing = path.suffix if path.suffix in PACKED else ""
    form = FORMS.get(PurePosixPath(path.stem).suffix if packing else path.suffix)
    return (form, PACKED[packing]) if form and not (packing and form == "parquet") else None


def inputs(places: list[str]) -> tuple[list[InputFile], list[str]]:
    """Files of paths, folders and URIs, a folder's in the order of their names; and names in folders that are left out.

    Names that begin with "." or "_" are no data, as in other tools.

    Raises:
        UserError: a place is missing or cannot be read, a file is of another kind or stands twice, or there is none.
    """
    found: list[InputFile] = []
    others: list[str] = []
    for place in places:
        system, path = resolve(place)
        try:
            info = system.get_file_info(path)
            if info.type == filesystems.FileType.NotFound:
                raise UserError(f"{place} is missing", "give --input a file or a folder that exists")
            is_folder = info.type == filesystems.FileType.Directory
            listed = system.get_file_info(filesystems.FileSelector(path, recursive=True)) if is_folder else [info]
        except OSError as error:
            raise UserError(f"{place} cannot be read ({_first_line(error)})", "check the address and the permissions") from None
        for entry in sorted(listed, key=lambda entry: str(entry.path)):
            below = entry.path[len(path) :].strip("/") if is_folder else ""
            if entry.type != filesystems.FileType.File or any(part[:1] in "._" for part in PurePosixPath(below).parts):
                continue
            name = f"{place.rstrip('/')}/{below}" if is_folder else place
            kind = form_of(entry.path)
            if kind:
                found.append(InputFile(name, system, entry.path, *kind, int(entry.size), entry.mtime_ns))
            elif is_folder:
                others.append(name)
            else:
                raise UserError(f"{place} is of no kind that is read", f"give files that end in {READ}")
    if not found:
        raise UserError(f"no file to read in {', '.join(places)}", f"give files that end in {READ}")
    names = [one.name for one in found]
    if len(set(names)) < len(names):
        raise UserError(f"{next(name for name in names if names.count(name) > 1)} is given twice", "name each file once")
    return found, others


class OutputFolder:
    """A folder, here or on another file system, whose files appear whole or not at all.

    Attributes:
        place: as the person gave it.
        system: pyarrow's file system.
        path: in that system.
    """

    def __init__(self, place: str) -> None:
        self.place = place.rstrip("/") or place
        self.system, self.path = resolve(self.place)

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of this machine."""
        return isinstance(self.system, filesystems.LocalFileSystem)

    def holds(self, path: str, system: Any) -> bool:
        """Whether it is that folder or lies below it."""
        return bool(system == self.system) and f"{self.path}/".startswith(f"{path.rstrip('/')}/")

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Make the folder and keep a second run out. Other file systems than this machine's know no lock.

        Raises:
            UserError: another run holds it, or it is a file.
        """
        if not self.is_local:
            self.system.create_dir(self.path, recursive=True)
            yield
            return
        if Path(self.path).exists() and not Path(self.path).is_dir():
            raise UserError(f"{self.place} is a file", "name a folder by --output")
        Path(self.path).mkdir(parents=True, exist_ok=True)
        with folder.held(Path(self.path), "predict.py", "wait until it ends, or name another --output"):
            yield

    def sizes(self, below: str = "") -> dict[str, int]:
        """Bytes of each file of the folder or of a folder in it, by name; hidden ones are left out."""
        selector = filesystems.FileSelector(f"{self.path}/{below}".rstrip("/"), allow_not_found=True)
        listed = self.system.get_file_info(selector)
        return {one.base_name: int(one.size) for one in listed if one.type == filesystems.FileType.File and one.base_name[:1] != "."}

    def read(self, name: str) -> bytes | None:
        """Content of a file; None if it is not there."""
        try:
            with self.system.open_input_stream(f"{self.path}/{name}", compression=None) as stream:
                return bytes(stream.read())
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Write a file: the old one or the whole new one is seen, never a part."""
        if self.is_local:
            files.write_bytes(Path(self.path, name), content)
            return
        target = PurePosixPath(self.path, name)
        self.system.create_dir(str(target.parent), recursive=True)
        temporary = str(target.with_name(f"{files.TEMPORARY}{target.name}"))
        with self.system.open_output_stream(temporary) as stream:
            stream.write(content)
        self.system.move(temporary, str(target))

    def remove(self, *names: str) -> None:
        """Delete files and folders in it; those that are not there are passed over."""
        for name in names:
            info = self.system.get_file_info(f"{self.path}/{name}")
            if info.type == filesystems.FileType.Directory:
                self.system.delete_dir(info.path)
            elif info.type == filesystems.FileType.File:
                self.system.delete_file(info.path)


def unpacked(stream: Any, packing: str) -> Any:
    """A stream of the unpacked bytes of a compressed one, for `io.BufferedReader` or itself one."""
    if packing == "xz":
        import lzma

        return lzma.open(stream)
    return pa.CompressedInputStream(stream, packing) if packing else stream
