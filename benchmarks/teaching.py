"""What teaches a small model to read: the encoder's answers to sentences, to passages, to turned passages, or made sentences?

Each part alone and all of them, for one or several shapes of the packed network, beside the same network without any. A made sentence is
taught by its rule.

Reads    an artifacts folder with sentences.csv, classical_nb.npz (classical.py) and an encoder's answers
Writes   chains of stage 6 in that folder, of which those that are current are not made again; OUTPUT, OUTPUT with the ending .md
Command  python benchmarks/teaching.py --artifacts artifacts/default --output results/teaching.json
"""

import subprocess
import sys
from pathlib import Path

from sentipress.core.errors import exit_code

KINDS = ("sentences", "passages", "turned", "made")

# %% Settings: edit here, or pass as flags
ARTIFACTS = "artifacts"  # folder of the stages
ANSWERS = "auto"  # as in stage 6: the folder's answers.npz, published ones that fit, or a file
SHAPES = "vocabulary=8000,distil=24x44,round,int4,pack"  # chains of stage 6, with ; between
PARTS = "none,sentences,passages,turned,made,all"  # a student of each; + joins: sentences+made
SEEDS = "1"  # of weights, order and dropout
OUTPUT = None  # JSON of all results, and a table beside it; printed only by default


def kinds_of(texts: list[str]) -> list[str]:
    """Of which kind each text of sentences.csv is, by stage 1's own rules."""
    from sentipress.data import grammar, turning
    from sentipress.data.sentences import is_passage, key_of

    by_rule = {key_of(text) for text, _ in grammar.made(grammar.MOST)}
    kinds: list[str] = []
    turned: set[int] = set()  # of the passages so far: turned round once more, a text may be the first one again
    for text in texts:
        if key_of(text) in by_rule:
            kinds.append("made")
        elif key_of(text) in turned:
            kinds.append("turned")
        elif is_passage(text):
            kinds.append("passages")
            turned |= {key_of(found)} if (found := turning.turned(text)) else set()
        else:
            kinds.append("sentences")
    return kinds


def run(folder: Path, flags: dict[str, object]) -> None:
    """Run stage 6 as from a terminal; a failure ends this command with its exit code."""
    from sentipress.core import manifest

    print(f"$ {manifest.command(manifest.COMBINATION, folder, flags)}", flush=True)
    words = manifest.words(manifest.COMBINATION, folder, flags)
    done = subprocess.run([sys.executable, str(Path(__file__).resolve().parent.parent / words[0]), *words[1:]])
    if done.returncode:
        raise SystemExit(done.returncode)


def current(path: Path, flags: dict[str, object]) -> bool:
    """Whether a chain's metrics are there, of these flags, and not stale."""
    from sentipress.core.errors import UserError
    from sentipress.evaluation import records
    from sentipress.pipeline.staleness import Staleness

    try:
        record = records.read(path, "")
    except UserError:
        return False
    asked = {name: value for name, value in flags.items() if name != "deployment"}
    return all(record["flags"].get(name, record["settings"].get(name)) == value for name, value in asked.items()) and not Staleness(
        path.parent
    ).reasons(record)


def main(arguments: list[str] | None = None) -> None:
    """Train each student; see the top of the file."""
    from dataclasses import replace

    import numpy as np

    from sentipress.core import cli, files, manifest
    from sentipress.core.errors import UserError
    from sentipress.data.answers import keys_of
    from sentipress.data.corpus import NO_RULE
    from sentipress.evaluation import comprehension, records
    from sentipress.pipeline import encoder_answers
    from sentipress.pipeline.workspace import Workspace
    from sentipress.reporting import reads, tabular

    settings = cli.settings(__file__, arguments)
    folder, parts = Path(settings.artifacts), settings.parts.split(",")
    if not {one for part in parts for one in part.split("+")} <= {*KINDS, "none", "all"}:
        raise UserError(f"--parts {settings.parts} is not understood", f"give some of none,all,{','.join(KINDS)}")

    # %% A file of answers for each part
    space = Workspace.open(cli.settings(str(Path(__file__).parent.parent / manifest.COMBINATION), ["--artifacts", str(folder)]))[0]
    space.settings.answers = settings.answers
    heard = encoder_answers.hear(space)
    if not heard or not heard.answers:
        raise UserError(f"there are no answers for {folder}", f"run {manifest.command(manifest.ASKING, folder)} --teacher FILE")
    answers, (raw, _, rules) = heard.answers, space.reviews.ruled_sentences()
    kinds = kinds_of(raw)
    given, ruled = {"none": encoder_answers.NONE, "made": encoder_answers.RULES}, {"none": False, "made": True}
    by_rule = rules != NO_RULE
    sizes = {"none": 0, "made": int(by_rule.sum())}
    for part in {*parts} - {*given}:
        wanted = {*KINDS} if part == "all" else {*part.split("+")}
        ruled[part] = "made" in wanted
        left_out = keys_of([text for text, kind in zip(raw, kinds, strict=True) if kind not in wanted])
        kept = ~np.isin(answers.keys, left_out)  # answers to whole reviews stay in each part that an encoder has
        some = replace(answers, keys=answers.keys[kept], logits=answers.logits[kept])
        sizes[part] = int((some.find(raw)[0] | (by_rule & ruled[part])).sum())
        digest = files.fingerprint([some.teacher["sha256"], *map(str, some.keys.tolist())])[:8]
        given[part] = str(folder / "teaching" / f"{part}-{digest}.npz")
        some.save(Path(given[part]))

    # %% Train and score
    results = []
    for number, chain in enumerate(settings.shapes.split(";"), 1):
        for part in parts:
            for seed in settings.seeds.split(","):
                name = f"{part}{number}seed{seed}"
                flags = {"chain": chain, "name": name, "answers": given[part], "rules": ruled[part], "seed": int(seed), "deployment": False}
                path = records.metrics_path(folder, name)
                if not current(path, flags):
                    run(folder, flags)
                record = records.read(path, "run this again")
                keys = ("file", "validation_accuracy", "scores", "size", "vocabulary", "reading", "seconds")
                about = {"part": part, "sentences": sizes[part], "chain": chain, "seed": int(seed)}
                results.append(
                    {**about, "technique": f"{part} ({sizes[part]:,}), {chain}, seed {seed}", **{key: record.get(key) for key in keys}}
                )
                said = f"{name}: validation accuracy {record.get('validation_accuracy') or float('nan'):.2%}"
                if record.get("reading") and record["reading"]["behaviour"]:
                    said += f", cases for choosing {comprehension.share(record['reading']['behaviour'][comprehension.CHOOSING]):.1%}"
                print(said, flush=True)
    first = "taught by"
    columns, rows = reads.grid(results, first)
    by_name = {row[first]: row for row in rows}  # a model of another language is asked nothing
    shown = []
    for result in results:
        row = by_name.get(result["technique"], {first: result["technique"], **dict.fromkeys(columns[1:], "-")})
        accuracy, size = result["scores"]["accuracy"]["value"], result["size"]["bytes"]
        shown.append({**row, "test": f"{accuracy:.2%}", "KB": f"{size / 1024:.0f}"})
    table = tabular.markdown([*columns, "test", "KB"], shown, [first])
    print(table)
    if settings.output:
        files.write_json(Path(settings.output), {"schema": 1, "teacher": answers.teacher, "results": results})
        files.write_text(Path(settings.output).with_suffix(".md"), table + "\n")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
