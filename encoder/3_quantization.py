"""Stage 3 of the encoder's track: the base as `.tflite` files, in float32, 8 bits and blocks of 4 bits, and by ONNX Runtime.

Reads    artifacts/encoder/reviews.csv, tokenizer.json, modelo_base.safetensors (stages 1 and 2)
Writes   artifacts/encoder/modelo_F32.tflite (the control), modelo_DRQ.tflite (8 bits, the embedding's too), modelo_4bit.tflite,
         modelo_linear_8bit.tflite (a control: the embedding stays float32, as in the study), modelo_ONNX.onnx (a control);
         each with its .metrics.json and .probabilities.npz
Command  python encoder/3_quantization.py
"""

try:
    from sentipress.core.errors import exit_code
except ModuleNotFoundError as missing:  # Python looks beside this script, and the package lies a folder higher
    if missing.name != "sentipress":
        raise
    raise SystemExit("error: the package sentipress is not installed -> pip install -e . in the repository's folder") from None

# %% Settings: edit here, or pass as flags
ARTIFACTS = "artifacts/encoder"  # folder that the stages share
LATENCY_REVIEWS = 100  # [10, 10000] test texts that are timed one by one, in three rounds, in turns with the base in PyTorch
DEPLOYMENT = True  # measure each file in a fresh process as well: start-up, memory, text to probability

# %% What is converted: name of the row, number format
FORMATS = {
    "modelo_F32": "float32",
    "modelo_DRQ": "dynamic_8bit",
    "modelo_4bit": "dynamic_4bit",
    "modelo_linear_8bit": "linear_8bit",
}


# %% Stage
def main(arguments: list[str] | None = None) -> None:
    """Run the stage; see the top of the file."""
    from pathlib import Path

    from sentipress.core import cli, folder, manifest

    settings = cli.settings(__file__, arguments)
    artifacts, stage = Path(settings.artifacts), manifest.ENCODER.stage(manifest.ENCODER_QUANTIZATION)
    with folder.lock(artifacts, settings.stage):
        from sentipress.pipeline.encoder_publisher import EncoderPublisher
        from sentipress.pipeline.encoder_space import EncoderSpace
        from sentipress.transformer import conversion

        # %% Open what stages 1 and 2 saved
        space, base = EncoderSpace.open(settings)
        publisher, inputs = EncoderPublisher(space), space.inputs(base.runtime.path.name)

        # %% Convert once, quantize, score from disk, time
        content = conversion.to_tflite(base.model, conversion.signature_lengths(space.tokenizer.sequence_length))
        published = [publisher.tflite(base.model, content, form, stage.row(name), inputs, {}) for name, form in FORMATS.items()]
        published.append(publisher.onnx(base.model, stage.row("modelo_ONNX"), inputs, {}))
        records = publisher.finish(published, base.runtime)
    agreement = records[0]["agreement"]
    print(f"float32 logits differ from PyTorch's by {agreement['largest_difference_of_logits']:.1e} at most, {agreement['texts']} texts")
    print(f"wrote {', '.join(record['file'] for record in records)} with metrics in {settings.artifacts}")
    print(f"next: {manifest.command(manifest.ENCODER_PRUNING, artifacts)}")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
