"""Golden vectors for the page's test: real reviews with the ids and scores that Python gives them, both recipes.

Reads    artifacts/tokenizer.json, modelo_*.tflite and pocket.zip with their .metrics.json; raw reviews (data/IMDB Dataset.csv, or --data,
         or the bundled ones)
Writes   demo/golden/metadata-<recipe>.json, ids-<recipe>.json, scores.json
Command  python demo/golden.py [--artifacts FOLDER] [--data FILE], or make demo-test, which runs the test too
"""

ARTIFACTS = "artifacts"  # folder that the stages share
DATA = None  # CSV of raw reviews; by default data/IMDB Dataset.csv, else the bundled package
TARGET = "demo/golden"  # folder for the vectors
TEXTS = 10_000  # reviews whose ids are compared
SCORED = 500  # of these, the reviews that every model scores
OTHER_VOCABULARY = 20_000  # of the recipe that the artifacts do not have; its tokenizer is fitted here
OTHER_LENGTH = 170  # the study's


def main(arguments: list[str] | None = None) -> None:
    """Write the vectors; see the top of the file."""
    from dataclasses import replace
    from pathlib import Path

    import numpy as np

    from sentipress.browser import site
    from sentipress.core import cli, files, manifest
    from sentipress.data import cleaning, sources
    from sentipress.runtimes.litert import LiteRTModel
    from sentipress.core.quiet import quiet_exit
    from sentipress.text.tokenizer import Tokenizer

    settings = cli.settings(__file__, arguments)
    artifacts, target = Path(settings.artifacts), Path(settings.target)
    own = Tokenizer.load(artifacts / "tokenizer.json", manifest.run(manifest.BASELINE, artifacts))
    models = site.models(artifacts)
    data = sources.find(Path(settings.data) if settings.data else None, Path("data"))
    raw = (sources.read_csv(data)[0] if data else sources.read_bundled())["review"]
    texts = raw.sample(min(settings.texts, len(raw)), random_state=0).tolist()

    for recipe in cleaning.RECIPES:
        tokenizer = own
        if recipe != own.cleaning:
            # No model of this recipe is at hand: its vocabulary alone, padded and cut at the ends that the other does not use.
            cleaned = [cleaning.clean(text, recipe) for text in texts]
            ends = {"padding": "pre" if own.padding == "post" else "post", "truncating": "post" if own.truncating == "pre" else "pre"}
            tokenizer = Tokenizer.fit(cleaned, settings.other_vocabulary, sequence_length=settings.other_length, cleaning=recipe, **ends)
        files.write_text(target / f"metadata-{recipe}.json", site.compact(site.metadata(tokenizer)))
        files.write_text(target / f"ids-{recipe}.json", site.compact(site.vectors(tokenizer, texts)))
        print(f"{len(texts):,} reviews encoded by the recipe {recipe}")

    scored = texts[: settings.scored]
    quiet_exit()
    scores = {}
    for about in models:
        tokenizer = replace(own, words=tuple(about["words"]), sequence_length=about["sequence_length"]) if "words" in about else own
        name, remedy = about["name"], manifest.run(manifest.QUANTIZATION, artifacts)
        model = LiteRTModel(artifacts / Path(about["file"]).name, remedy, site.model_bytes(artifacts, about))
        scores[name] = [float(score) for score in model.predict(tokenizer.encode_raw(scored))]
        print(f"{name}: {len(scored):,} reviews scored, {np.mean(np.array(scores[name]) > 0.5):.1%} positive")
    files.write_text(target / "scores.json", site.compact({"texts": scored, "scores": scores}))
    print(f"wrote {settings.target}")


if __name__ == "__main__":
    import sys
    from pathlib import Path

    # The package lies beside this folder, where Python does not look by itself.
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from sentipress.core.errors import exit_code

    raise SystemExit(exit_code(main))
