"""Stage 3: the base as `.tflite` files, with weights in float32, in halves, and in 8 bits.

Reads    artifacts/reviews.csv, tokenizer.json, modelo_base.keras (stages 1 and 2)
Writes   artifacts/modelo_F32.tflite (the control), modelo_F16Q.tflite, modelo_DRQ.tflite, each with its
         .metrics.json and .probabilities.npz
Command  python 3_quantization.py
"""

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags
ARTIFACTS = "artifacts"  # folder that the stages share
LATENCY_REVIEWS = 100  # [10, 10000] test texts that are timed one by one, in three rounds, in turns with the base in Keras
DEPLOYMENT = True  # measure each file in a fresh process as well: start-up, memory, text to probability

# %% What is converted: name of the row, number format
FORMATS = {"modelo_F32": "float32", "modelo_DRQ": "dynamic_range", "modelo_F16Q": "float16"}


# %% Stage
def main(arguments: list[str] | None = None) -> None:
    """Run the stage; see the top of the file."""
    from pathlib import Path

    from sentipress.core import cli, folder, manifest

    settings = cli.settings(__file__, arguments)
    artifacts, stage = Path(settings.artifacts), manifest.LSTM.stage(manifest.QUANTIZATION)
    with folder.lock(artifacts, settings.stage):
        from sentipress.pipeline.publisher import Publisher
        from sentipress.pipeline.workspace import Workspace

        # %% Open what stages 1 and 2 saved
        space, base = Workspace.open(settings)
        publisher, inputs = Publisher(space), space.inputs(manifest.BASE.file)

        # %% Convert, score from disk, time
        published = [publisher.tflite(base.model, base.spec, form, stage.row(name), inputs) for name, form in FORMATS.items()]
        records = publisher.finish(published, base.runtime)
    for record in records:
        passes = record["second_pass"]
        print(f"{record['file']}: {passes['different_predictions']} predictions differ in a second pass over the test texts")
    print(f"wrote {', '.join(record['file'] for record in records)} with metrics in {settings.artifacts}")
    print(f"next: {manifest.command(manifest.PRUNING, artifacts)}")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
