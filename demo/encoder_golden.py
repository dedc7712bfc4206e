"""An encoder for the page's test: its file, what the page needs to know of it, and texts with Python's ids and probabilities.

By default a random encoder of two layers is made. With --artifacts a trained one is taken.

Reads    tests/encoders.py; with --artifacts its tokenizer.json, reviews.json and the file of --model
Writes   demo/golden/encoder: about.json, golden.json, models/
Command  python demo/encoder_golden.py [--artifacts FOLDER], or make demo-test, which runs the test too
"""

from pathlib import Path
from typing import Any

from sentipress.core.errors import exit_code

ARTIFACTS = None  # folder of an encoder's stages; by default a small random encoder is made
MODEL = "modelo_DRQ.tflite"  # file in it
TARGET = "demo/golden/encoder"  # folder for the files
TEXTS = 500  # [10, 100000] bundled reviews and sentences, half of each
SENTENCE = 32  # [4, 512] ids of a short text: times are told of those


def small(target: Path) -> tuple[Path, Path]:
    """Make a random encoder of two layers with two labels, 8 bits and lengths 16, 32 and 64."""
    import importlib.util

    import torch

    from sentipress.transformer import conversion, pretrained

    path = Path(__file__).resolve().parent.parent / "tests" / "encoders.py"
    spec = importlib.util.spec_from_file_location("encoders", path)
    assert spec and spec.loader
    encoders: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(encoders)
    with conversion.silent():
        encoder = pretrained.load(str(encoders.small_folder(target / "folder", "bert")))
    torch.manual_seed(1)
    content = conversion.to_tflite(encoder.network(1, "mean"), [16, 32, 64])
    model, tokenizer = target / "small.tflite", target / "tokenizer.json"
    model.write_bytes(conversion.quantized(content, "dynamic_8bit"))
    encoder.tokenizer(64).save(tokenizer)
    return model, tokenizer


def main(arguments: list[str] | None = None) -> None:
    """Write the files; see the top of the file."""
    import shutil
    import tempfile

    from sentipress.browser import encoder_files, rules
    from sentipress.core import cli, files, manifest
    from sentipress.core.quiet import quiet_exit
    from sentipress.data import cleaning, sources
    from sentipress.data.task import SENTIMENT, Task
    from sentipress.runtimes.litert_encoder import LiteRTEncoder
    from sentipress.text.pieces import PieceTokenizer

    settings = cli.settings(__file__, arguments)
    target, remedy = Path(settings.target), f"python {manifest.script_name(Path(__file__))}"
    with tempfile.TemporaryDirectory() as place:
        if settings.artifacts:
            artifacts = Path(settings.artifacts)
            remedy = manifest.run(manifest.ENCODER_QUANTIZATION, artifacts)
            model, vocabulary = artifacts / settings.model, artifacts / manifest.TOKENIZER
            task = Task(tuple(files.read_json(artifacts / manifest.DESCRIPTION, 3, remedy)["task"]["labels"]))
        else:
            model, vocabulary = small(Path(place))
            task = SENTIMENT
        tokenizer = PieceTokenizer.load(vocabulary, remedy)
        about = encoder_files.described(model, vocabulary, task, remedy)
        half = settings.texts // 2
        texts = [*sources.read_bundled()["review"].sample(half, random_state=0)]
        texts += [*sources.read_bundled(sources.SENTENCES)["review"].sample(settings.texts - half, random_state=0)]
        cleaned = [cleaning.clean(text, tokenizer.cleaning) for text in texts]
        quiet_exit()
        runtime, rows = LiteRTEncoder(model, remedy, tokenizer, task), tokenizer.encode(cleaned)
        used = (rows != tokenizer.padding_id).sum(axis=1)
        golden = {
            "texts": texts,
            "ids": [row[:length].tolist() for row, length in zip(rows, used, strict=True)],
            "known_share": [tokenizer.known_share(text) for text in cleaned],
            "probabilities": task.table(runtime.predict(rows)).tolist(),
            "sentence": settings.sentence,
            "trained": bool(settings.artifacts),
        }
        if target.is_dir():
            shutil.rmtree(target)
        for entry, path in ((about, model), (about["tokenizer"], vocabulary)):
            files.write_bytes(target / entry["file"], path.read_bytes())
    files.write_text(target / "about.json", rules.compact(about))
    files.write_text(target / "golden.json", rules.compact(golden))
    print(f"{len(texts):,} texts scored by {about['file']}, {about['bytes']:,} bytes, lengths {', '.join(map(str, about['lengths']))}")
    print(f"wrote {settings.target}")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
