"""The page as a folder of static files: sources, strings, LiteRT.js, models and what the page knows of them.

No TensorFlow here, and no LiteRT: models are copied as they are, never opened.
"""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sentipress.browser import rules
from sentipress.browser.offered import ENCODER, Offered
from sentipress.core import files
from sentipress.core.errors import UserError
from sentipress.data import sources
from sentipress.data.cleaning import PLAIN

SCHEMA = 4  # 4: labels, recipe and vocabulary of each model; 3: bags of words; 2: labels, least share of known words, classes by name
# LiteRT's wasm with relaxed SIMD, and the one for browsers without; a visitor downloads one of them.
WASM = ("litert_wasm_internal", "litert_wasm_compat_internal")
RUNTIME = "litert/core.js"  # of LiteRT.js, in a built folder
NPM_REMEDY = "run npm ci --prefix demo"
STRINGS = "strings"  # folder of the page's sources: what it says, a file a language
LANGUAGE = "en"  # that the page is served in; the visitor's own replaces it
BENCH_TEXTS = 200
_PLACE = re.compile(r"\{\{(\w+)\}\}")  # of a string in index.html, bench.html and the manifest


def metadata(offered: Sequence[Offered], languages: Sequence[str] = ()) -> dict[str, Any]:
    """All that the page knows: how to clean for each recipe of words, and each model with its labels, recipe and files.

    An encoder's own recipe stands beside its pieces, in a file that is fetched with it.

    Raises:
        UserError: a recipe is unknown.
    """
    recipes = [recipe for recipe in dict.fromkeys(model.about["cleaning"] for model in offered) if recipe != PLAIN]
    return {
        "schema": SCHEMA,
        **rules.common(recipes),
        "languages": list(languages),
        "models": [model.about for model in offered],
    }


def bench_texts(count: int = BENCH_TEXTS) -> list[str]:
    """Reviews for the page that times the models: the bundled ones, the same at every build."""
    return [str(text) for text in sources.read_bundled()["review"].sample(count, random_state=1)]


def build(offered: Sequence[Offered], demo: Path, target: Path) -> dict[str, dict[str, int]]:
    """Put the page together: sources, LiteRT.js, models, metadata, and the service worker with the hashes of what it keeps.

    That is every file but those of encoders: `demo/source/kept.js` checks and keeps these when a visitor asks for one.

    Args:
        offered: the models, the one that is shown first at the front.
        demo: folder of the page's sources and of node_modules.
        target: folder that is replaced.

    Returns:
        Bytes and gzip bytes of each file, by path.

    Raises:
        UserError: npm packages are missing, a string is missing, or the target holds something else.
    """
    runtime = runtime_files(demo)
    source = demo / "source"
    content = {path.relative_to(source).as_posix(): path.read_bytes() for path in sorted(source.rglob("*")) if path.is_file()}
    languages = sorted(Path(name).stem for name in content if name.startswith(f"{STRINGS}/"))
    strings = json.loads(content[f"{STRINGS}/{LANGUAGE}.json"])
    templates = [name for name in content if name.endswith((".html", ".webmanifest"))]
    content |= {name: _worded(name, content[name].decode(), strings).encode() for name in templates}
    content |= runtime
    for model in offered:
        content |= model.files
    content["metadata.json"] = rules.compact(metadata(offered, languages)).encode()
    content["bench-texts.json"] = rules.compact(bench_texts()).encode()
    worker = content.pop("sw.js").decode()
    apart = {name for model in offered if model.about["kind"] == ENCODER for name in model.files}
    hashes = {name: files.bytes_sha256(held) for name, held in sorted(content.items()) if name not in apart}
    content["sw.js"] = _filled(worker, "/* FILES */ {}", json.dumps(hashes, indent=1)).encode()
    return replace(target, content, "sw.js", "a built page")


def runtime_files(demo: Path) -> dict[str, bytes]:
    """Files of LiteRT.js for a browser, by their path in a built folder.

    Raises:
        UserError: npm has not installed the packages.
    """
    packages = demo / "node_modules" / "@litertjs"
    found = {
        RUNTIME: packages / "core" / "dist" / "index.js",
        "litert/wasm-utils.js": packages / "wasm-utils" / "dist" / "index.js",
        **{f"litert/{name}{suffix}": packages / "core" / "wasm" / f"{name}{suffix}" for name in WASM for suffix in (".js", ".wasm")},
    }
    for path in found.values():
        if not path.is_file():
            raise UserError(f"{path} is missing", NPM_REMEDY)
    return {name: _browser_module(path.read_bytes()) if path.suffix == ".js" else path.read_bytes() for name, path in found.items()}


def replace(target: Path, content: Mapping[str, bytes], mark: str, what: str) -> dict[str, dict[str, int]]:
    """Write a built folder in the place of one that was built before.

    Args:
        target: folder that is replaced.
        content: bytes of each file, by path.
        mark: file that, with the runtime, shows that the folder was built before.
        what: it is, as "a built page".

    Returns:
        Bytes and gzip bytes of each file, by path.

    Raises:
        UserError: the target holds something else.
    """
    if target.is_dir() and any(target.iterdir()):
        if not all((target / name).is_file() for name in (mark, RUNTIME)):
            raise UserError(f"{target} holds something else than {what}", "name another --target, or empty it")
        shutil.rmtree(target)
    for name, held in content.items():
        files.write_bytes(target / name, held)
    return {name: files.sizes(target / name) for name in sorted(content)}


def _worded(name: str, template: str, strings: dict[str, Any]) -> str:
    """A file of the page with the strings of `LANGUAGE` in its {{places}}, escaped for its format."""
    missing = set(_PLACE.findall(template)) - set(strings)
    if missing:
        raise UserError(f"{STRINGS}/{LANGUAGE}.json lacks {', '.join(sorted(missing))}", f"restore it: git checkout demo/source/{STRINGS}")
    escape = html.escape if name.endswith(".html") else (lambda text: json.dumps(text, ensure_ascii=False)[1:-1])
    return _PLACE.sub(lambda place: escape(str(strings[place[1]])), template)


def _browser_module(source: bytes) -> bytes:
    """A package's module for a browser without import maps: a path for the bare name, no maps that are not shipped."""
    text = source.decode()
    text = text.replace('from "@litertjs/wasm-utils"', 'from "./wasm-utils.js"')
    return re.sub(r"^//# sourceMappingURL=.*$", "", text, flags=re.MULTILINE).encode()


def _filled(template: str, place: str, value: str) -> str:
    if template.count(place) != 1:
        raise UserError(f"sw.js does not hold {place!r} once", "restore it: git checkout demo/source/sw.js")
    return template.replace(place, value)
