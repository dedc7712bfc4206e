"""An encoder's page for the browser's tests, and texts with Python's ids and probabilities.

By default two random encoders of two layers are made, in 8 and in 4 bits. With --artifacts trained ones are taken.

Reads    tests/encoders.py; results/encoder/bert (a packed LSTM, and metrics as a pattern); with --artifacts its models, tokenizer.json
         and reviews.json; demo/source; demo/node_modules (npm ci --prefix demo)
Writes   demo/golden/encoder: about.json, golden.json, and the page in site/
Command  python demo/encoder_golden.py [--artifacts FOLDER], or make demo-test, which runs the tests too
"""

from pathlib import Path
from typing import Any

from sentipress.core.errors import exit_code

ARTIFACTS = None  # folder of an encoder's stages; by default small random encoders are made
MODEL = "modelo_DRQ"  # of its models, the one that scores the texts
TARGET = "demo/golden/encoder"  # folder for the files
TEXTS = 500  # [10, 100000] bundled reviews and sentences, half of each
SENTENCE = 32  # [4, 512] ids of a short text: times are told of those

LENGTHS = (16, 32, 64)  # of the small encoders' signatures
# The small encoders: name, number format, file of the tokenizer.
MADE = (("modelo_DRQ", "dynamic_8bit", "tokenizer.json"), ("compact", "dynamic_4bit", "compact.tokenizer.json"))


def published() -> Path:
    """Folder of published models of an encoder's stages."""
    return Path(__file__).resolve().parent.parent / "results" / "encoder" / "bert"


def small(folder: Path) -> None:
    """Make a folder as an encoder's stages leave it: two random encoders with two labels, and a published LSTM beside them."""
    import importlib.util
    import shutil

    import torch

    from sentipress.transformer import conversion, pretrained

    path = published().parents[2] / "tests" / "encoders.py"
    spec = importlib.util.spec_from_file_location("encoders", path)
    assert spec and spec.loader
    encoders: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(encoders)
    with conversion.silent():
        encoder = pretrained.load(str(encoders.small_folder(folder / "library", "bert")))
    torch.manual_seed(1)
    network = encoder.network(1, "mean")
    network.head.weight.data.normal_(std=0.5)  # texts get probabilities apart from each other
    network.head.bias.data.fill_(0.0)
    with torch.inference_mode():
        logits = network.eval()(torch.from_numpy(encoder.tokenizer(LENGTHS[-1]).encode(encoders.sentences()[:100])))
    network.head.bias.data -= logits.mean()
    content = conversion.to_tflite(network, LENGTHS)
    for name, number_format, tokenizer in MADE:
        (folder / f"{name}.tflite").write_bytes(conversion.quantized(content, number_format))
        encoder.tokenizer(LENGTHS[-1]).save(folder / tokenizer)
    for name in ("student_lstm.zip", "reviews.json"):
        shutil.copy(published() / name, folder)


def describe(folder: Path) -> None:
    """Write metrics beside the models of `small`: those of published models, with these files' names, sizes and hashes."""
    from sentipress.core import files, manifest
    from sentipress.evaluation import records

    files.write_bytes(folder / manifest.REVIEWS, b"none")
    for name, _, tokenizer in (*MADE, ("student_lstm", "", None)):
        record = records.read(records.metrics_path(published(), name), "restore it: git checkout results")
        probabilities = records.probabilities_path(folder, name)
        files.write_bytes(probabilities, b"none")
        model = folder / record["file"]
        inputs = [folder / manifest.REVIEWS, *([folder / tokenizer] if tokenizer else [])]
        hashes = {
            "inputs": {path.name: files.sha256(path) for path in inputs},
            "outputs": {path.name: files.sha256(path) for path in (model, probabilities)},
        }
        files.write_json(records.metrics_path(folder, name), record | hashes | {"size": files.sizes(model)})


def main(arguments: list[str] | None = None) -> None:
    """Write the files; see the top of the file."""
    import tempfile

    from sentipress.browser import offered, rules, site
    from sentipress.core import cli, files, manifest
    from sentipress.core.errors import UserError
    from sentipress.core.quiet import quiet_exit
    from sentipress.data import cleaning, sources
    from sentipress.runtimes import registry

    settings = cli.settings(__file__, arguments)
    target, remedy = Path(settings.target), f"python {manifest.script_name(Path(__file__))}"
    with tempfile.TemporaryDirectory() as place:
        artifacts = Path(settings.artifacts or place)
        if not settings.artifacts:
            small(artifacts)
            describe(artifacts)
        models = offered.of_folder(artifacts, "")
        found = next((one for one in models if one.about["id"] == settings.model and one.about["kind"] == offered.ENCODER), None)
        if found is None:
            raise UserError(f"{artifacts} has no encoder {settings.model} that the page can run", "name another --model")
        texts = [*sources.read_bundled()["review"].sample(settings.texts // 2, random_state=0)]
        texts += [*sources.read_bundled(sources.SENTENCES)["review"].sample(settings.texts - len(texts), random_state=0)]
        quiet_exit()
        model: Any = registry.open_model(found.path, remedy=remedy)
        cleaned = [cleaning.clean(text, model.cleaning) for text in texts]
        rows = model.prepare(cleaned)
        used = (rows != model.encoder.padding_id).sum(axis=1)
        golden = {
            "texts": texts,
            "ids": [row[:length].tolist() for row, length in zip(rows, used, strict=True)],
            "known_share": [model.known_share(text) for text in cleaned],
            "probabilities": model.task.table(model.predict(rows)).tolist(),
            "sentence": settings.sentence,
            "trained": bool(settings.artifacts),
        }
        site.build(models, Path(__file__).resolve().parent, target / "site")
    about = found.about
    files.write_text(target / "about.json", rules.compact(about))
    files.write_text(target / "golden.json", rules.compact(golden))
    print(f"{len(texts):,} texts scored by {about['file']}, {about['bytes']:,} bytes, lengths {', '.join(map(str, about['lengths']))}")
    print(f"wrote {settings.target}")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
