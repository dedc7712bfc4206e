"""Does a model read, or does it count words? Reviews that people edited until they said the opposite, and short sentences.

Reads    PAIRS: two TSV files each, with the columns Sentiment and Text, the same reviews before and after the edit: orig/dev.tsv
         and new/dev.tsv of acmi-lab/counterfactually-augmented-data (Kaushik et al. 2020), IMDb/data/dev_original.tsv and
         dev_contrast.tsv of allenai/contrast-sets (Gardner et al. 2020); and the twenty sentences of the cards
Writes   OUTPUT; prints a line for each model
Command  python benchmarks/reading.py --models results/default/pocket.zip,results/packed/packed_41600.zip --pairs "a.tsv:b.tsv,c.tsv:d.tsv"
"""

from pathlib import Path

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags
MODELS = "results/default/pocket.zip"  # files of any kind, with commas between
PAIRS = None  # files of originals and edited ones: original:edited, with commas between; without them the sentences alone
OUTPUT = None  # JSON of all results; printed only by default


def read(path: Path):
    """Texts of a TSV file, and whether each is positive."""
    import pandas as pd

    from sentipress.core.errors import UserError

    try:
        rows = pd.read_csv(path, sep="\t")
        return rows["Text"].tolist(), (rows["Sentiment"].str.strip() == "Positive").to_numpy()
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise UserError(f"{path} cannot be read ({error})", "give a TSV file with the columns Sentiment and Text") from None


def on_pairs(model, original: Path, edited: Path) -> dict:
    """Shares of originals, of edited reviews, and of pairs with both right."""
    import numpy as np

    from sentipress.core.errors import UserError

    right = []
    for path in (original, edited):
        texts, positive = read(path)
        right.append((model.predict_raw(texts) > 0.5) == positive)
    if len(right[0]) != len(right[1]):
        raise UserError(f"{original} and {edited} have {len(right[0])} and {len(right[1])} reviews", "give the two files of one set")
    shares = {"original": right[0], "edited": right[1], "both": right[0] & right[1]}
    return {"set": edited.name, "pairs": len(right[0]), **{name: float(np.mean(values)) for name, values in shares.items()}}


def on_sentences(model) -> dict:
    """How many of the cards' sentences are right, and of those that turn on a negation."""
    from sentipress.reporting import cards

    judged = cards.judge(model)
    negations = [one.right for one in judged if one.kind == "negation"]
    right = sum(one.right for one in judged)
    return {"right": right, "of": len(judged), "negations_right": sum(negations), "negations": len(negations)}


def main(arguments: list[str] | None = None) -> None:
    """Ask each model; see the top of the file."""
    from sentipress.core import cli, files
    from sentipress.core.errors import UserError
    from sentipress.runtimes import registry

    settings = cli.settings(__file__, arguments)
    pairs = [tuple(map(Path, pair.split(":"))) for pair in settings.pairs.split(",")] if settings.pairs else []
    if any(len(pair) != 2 for pair in pairs):
        raise UserError(f"--pairs {settings.pairs} is not understood", "give original.tsv:edited.tsv, with commas between sets")
    results = []
    for name in settings.models.split(","):
        model = registry.open_model(Path(name))
        if not model.task.is_sentiment:
            raise UserError(f"{name} has other labels than negative and positive", "leave it out")
        found = {"model": name, "sha256": files.sha256(Path(name)), "bytes": Path(name).stat().st_size}
        found |= {"sets": [on_pairs(model, *pair) for pair in pairs], "sentences": on_sentences(model)}
        results.append(found)
        sets = "; ".join(
            f"{one['set']}: original {one['original']:.1%}, edited {one['edited']:.1%}, both {one['both']:.1%}" for one in found["sets"]
        )
        said = found["sentences"]
        print(
            f"{name}: {sets}; sentences {said['right']} of {said['of']}, negations {said['negations_right']} of {said['negations']}",
            flush=True,
        )
    if settings.output:
        files.write_json(Path(settings.output), {"schema": 1, "results": results})


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
