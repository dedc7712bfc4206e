"""Stage 3: the base as `.tflite` files, with weights in float32, in halves, and in 8 bits.

Reads    artifacts/reviews.csv, tokenizer.json, modelo_base.keras (stages 1 and 2)
Writes   artifacts/modelo_F32.tflite (the control), modelo_F16Q.tflite, modelo_DRQ.tflite, each with its
         .metrics.json and .probabilities.npz
Command  python 3_quantization.py
"""

# %% Settings: edit here, or pass as flags
ARTIFACTS = "artifacts"  # folder that the stages share
LATENCY_REVIEWS = 300  # test reviews that are timed one by one, in turns with the base in Keras
DEPLOYMENT = True  # measure each file in a fresh process as well: start-up, memory, text to probability

# %% Rows: file name, number format, order, technique, complexity (the study's word), role
ROWS = (
    ("modelo_F32", "float32", 30, "TFLite float32 (control)", "simple", "control"),
    ("modelo_DRQ", "dynamic_range", 31, "TFLite dynamic-range quantization", "medium", "model"),
    ("modelo_F16Q", "float16", 32, "TFLite float16 quantization", "medium", "model"),
)


# %% Stage
def main(arguments: list[str] | None = None) -> None:
    """Run the stage; see the top of the file."""
    from pathlib import Path

    from sentipress.core import cli, files, manifest

    settings = cli.settings(__file__, arguments)
    artifacts = Path(settings.artifacts)
    with files.lock(artifacts, settings.stage):
        from sentipress.pipeline import workspace

        # %% Open what stages 1 and 2 saved
        space, base = workspace.Workspace.open(settings)
        published, calls = {}, {workspace.BASE: workspace.keras_call(base.model)}

        # %% Convert, score from disk, time
        for name, number_format, order, technique, complexity, role in ROWS:
            row = {"order": order, "technique": technique, "complexity": complexity, "role": role}
            facts, model = space.publish_tflite(base.model, base.spec, name, number_format, row, space.inputs("modelo_base.keras"), {})
            published[name], calls[name] = facts, model.predict_one
        records = space.finish(published, calls)
    for record in records:
        passes = record["second_pass"]
        print(f"{record['file']}: {passes['different_predictions']} predictions differ in a second pass over the test reviews")
    print(f"wrote {', '.join(record['file'] for record in records)} with metrics in {settings.artifacts}")
    print(f"next: {manifest.command(manifest.PRUNING, artifacts)}")


if __name__ == "__main__":
    from sentipress.core.errors import exit_code

    raise SystemExit(exit_code(main))
