"""Ask a teacher about the sentences of a folder, so that the students there learn from it; and about any other texts.

Reads    artifacts/sentences.csv (stage 1), TEACHER: a model file of either track, best a fine-tuned encoder; TEXTS
Writes   artifacts/answers.npz: what the teacher says, under hashes of the texts' words. Stages 5 and 6 learn from it.
         What the same teacher said before stays, and it is not asked again. A killed run goes on
Command  python ask.py --teacher artifacts/teacher/modelo_base.safetensors [--texts "IMDB Dataset.csv"] [--output FILE]
         python ask.py --teacher FILE --texts comments.csv --workers 16 [--address HOST:PORT]
"""

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags
ARTIFACTS = "artifacts"  # folder whose sentences are asked about
TEACHER = None  # model file
TEXTS = None  # further files of texts, with commas: the labelled reviews, so that the teacher has a share in what is said of them
TEXT_COLUMN = "review"  # column of the texts in these files
VARIED = 0.0  # [0.0, 100.0] texts made from the training texts for each of these, as in stage 6, asked about besides
OUTPUT = None  # file to write instead of artifacts/answers.npz; what the same teacher said in it stays
PRECISION = "float32"  # {float32, mixed} mixed: an encoder's products in bfloat16, faster where the processor knows it
WORKERS = 1  # [1, 4096] processes with one thread each, by Ray (docs/scale.md)
ADDRESS = None  # of a Ray cluster (host:port) that answers; none: this machine's cores
FRESH = False  # replace the answers of another teacher


# %% Run
def main(arguments: list[str] | None = None) -> None:
    """Ask; see the top of the file."""
    from pathlib import Path

    from sentipress.core import cli, folder, manifest
    from sentipress.core.errors import UserError
    from sentipress.data import sources

    settings = cli.settings(__file__, arguments)
    if not settings.teacher:
        raise UserError("no teacher is named", "pass --teacher FILE, such as artifacts/teacher/modelo_base.safetensors")
    artifacts = Path(settings.artifacts)
    output = Path(settings.output) if settings.output else artifacts / manifest.ANSWERS
    with folder.lock(artifacts, settings.stage):
        from sentipress.pipeline import encoder_asking

        more = [Path(name.strip()) for name in (settings.texts or "").split(",") if name.strip()]
        texts = [text for path in more for text in sources.read_unlabelled(path, settings.text_column, "--texts")]
        answers, asked = encoder_asking.ask(settings, texts, output)
    print(f"asked about {asked:,} texts; {output} has {len(answers.keys):,} answers of {answers.teacher['name']}")
    print(f"next: {manifest.command(manifest.DISTILLATION, artifacts)}; {manifest.command(manifest.CLASSICAL, artifacts)} for rivals")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
