"""Does a model read, or does it count words? Asks model files of any kind, also published ones.

Reads    MODELS; SETS: files of texts and labels, or pairs of files, the same reviews before and after people edited them until
         they said the opposite: orig/dev.tsv+new/dev.tsv of acmi-lab/counterfactually-augmented-data (Kaushik et al. 2020),
         IMDb/data/dev_original.tsv+dev_contrast.tsv of allenai/contrast-sets (Gardner et al. 2020); and the project's own
         behaviour cases (sentipress/evaluation/behaviour.csv)
Writes   OUTPUT, OUTPUT with the ending .md; prints a line for each model
Command  python benchmarks/reading.py --models results/default/pocket.zip,results/packed/packed_41600.zip \
             --sets "counterfactual=orig-dev.tsv+new-dev.tsv,contrast=dev_original.tsv+dev_contrast.tsv,sst2=sst2-dev.tsv"
"""

from pathlib import Path

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags
MODELS = "results/default/pocket.zip"  # files of any kind, with commas between
SETS = None  # files that tell whether a model reads, as --reading-sets of stage 1; without them the behaviour cases alone
OUTPUT = None  # JSON of all results, and a table beside it; printed only by default


def main(arguments: list[str] | None = None) -> None:
    """Ask each model; see the top of the file."""
    from sentipress.core import cli, files
    from sentipress.core.errors import UserError
    from sentipress.data import additions
    from sentipress.data.task import SENTIMENT
    from sentipress.evaluation import comprehension
    from sentipress.reporting import reads, tabular
    from sentipress.runtimes import registry

    settings = cli.settings(__file__, arguments)
    given = additions.parse(settings.sets, "--sets")
    sets = additions.reading_sets(additions.for_reading(given, SENTIMENT, "plain", [])[0]) if given else []
    results = []
    for name in settings.models.split(","):
        model = registry.open_model(Path(name))
        if not model.task.is_sentiment:
            raise UserError(f"{name} has other labels than negative and positive", "leave it out")
        found = {"technique": name, "sha256": files.sha256(Path(name)), "bytes": Path(name).stat().st_size}
        results.append(found | {"reading": comprehension.judge(model, sets)})
        print(name, "; ".join(f"{column} {value}" for column, value in reads.cells(results[-1]).items()), flush=True)
    if settings.output:
        path = Path(settings.output)
        of_sets = [{"name": one.name, "files": [file.name for file in one.paths]} for one in given]
        files.write_json(path, {"schema": 2, "sets": of_sets, "results": results})
        files.write_text(path.with_suffix(".md"), tabular.markdown(*reads.grid(results), ["model"]) + "\n")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
