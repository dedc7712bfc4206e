"""Stage 4 of the encoder's track: zeros as the study made them, and cuts that make the network really smaller and faster.

Reads    artifacts/encoder/reviews.csv, tokenizer.json, modelo_base.safetensors (stages 1 and 2)
Writes   artifacts/encoder/modelo_podado_L1.safetensors (30 % of every linear layer to zero, as the study left it),
         modelo_podado.safetensors (the same, then trained with the zeros held), modelo_podado_DRQ.tflite; in 8 bits
         cut_vocabulary.tflite with its cut_vocabulary.tokenizer.json, cut_layers.tflite, cut_heads.tflite;
         each with its .metrics.json and .probabilities.npz
Command  python encoder/4_pruning.py [--sparsity 0.3] [--vocabulary-size 8000] [--layers 4] [--fresh]
"""

try:
    from sentipress.core.errors import exit_code
except ModuleNotFoundError as missing:  # Python looks beside this script, and the package lies a folder higher
    if missing.name != "sentipress":
        raise
    raise SystemExit("error: the package sentipress is not installed -> pip install -e . in the repository's folder") from None

# %% Settings: edit here, or pass as flags
ARTIFACTS = "artifacts/encoder"  # folder that the stages share
SPARSITY = 0.3  # [0.0, 0.99] share of zeros in every linear layer, the study's
VOCABULARY_SIZE = 8000  # [300, 1000000] pieces that stay; the others fall apart into them
LAYERS = 4  # [1, 96] layers that stay, from the first to the last at even distances
PARTS = 0.5  # [0.05, 1.0] share of heads and feed-forward columns that stay in each layer, the most important ones
MEASURED_TEXTS = 512  # [1, 100000] training texts that tell the importance
EPOCHS = 1  # [1, 1000] passes over the training texts after a cut; one is a third of what the base had
BATCH_SIZE = 32  # [1, 4096] texts per step
LEARNING_RATE = 5e-5  # [1e-7, 1.0] highest step size of AdamW
WARM_UP = 0.1  # [0.0, 1.0] share of all steps in which the step size rises; then it falls to 0
WEIGHT_DECAY = 0.01  # [0.0, 1.0] BERT's
KEEP_BEST = True  # end with the weights of the best validation accuracy
SEED = 1  # [0, 2147483647] of order and dropout
DEVICE = "auto"  # {auto, cpu, cuda} auto: a GPU where there is one
PRECISION = "auto"  # {auto, float32, bfloat16} that a step's products may have; auto: bfloat16 where the processor knows it
LATENCY_REVIEWS = 100  # [10, 10000] test texts that are timed one by one, in three rounds, in turns with the base in PyTorch
DEPLOYMENT = True  # measure each file in a fresh process as well: start-up, memory, text to probability
FRESH = False  # start over instead of going on with an interrupted training


# %% Stage
def main(arguments: list[str] | None = None) -> None:
    """Run the stage; see the top of the file."""
    from pathlib import Path

    from sentipress.core import cli, folder, manifest

    settings = cli.settings(__file__, arguments)
    artifacts, stage = Path(settings.artifacts), manifest.ENCODER.stage(manifest.ENCODER_PRUNING)
    with folder.lock(artifacts, settings.stage):
        import copy

        from sentipress.pipeline import encoder_cuts
        from sentipress.pipeline.encoder_publisher import EncoderPublisher
        from sentipress.pipeline.encoder_space import EncoderSpace
        from sentipress.transformer import finetuning, reducing

        # %% Open what stages 1 and 2 saved
        space, base = EncoderSpace.open(settings)
        publisher, inputs = EncoderPublisher(space), space.inputs(base.runtime.path.name)
        plan = finetuning.FineTuning.of(settings)

        # %% The study's way: zeros, which save nothing before a compression
        masks = reducing.smallest_weights(base.model, settings.sparsity)
        zeroed = copy.deepcopy(base.model)
        reducing.apply_masks(zeroed, masks)
        published = [publisher.encoder(zeroed, stage.row("modelo_podado_L1"), inputs, space.measured(None))]
        history = space.finetune(zeroed, "modelo_podado", plan, inputs, masks=masks)
        published.append(publisher.encoder(zeroed, stage.row("modelo_podado"), inputs, space.measured(history)))
        published.append(encoder_cuts.in_8_bits(publisher, zeroed, stage.row("modelo_podado_DRQ"), inputs, space.measured(history)))

        # %% Fewer layers; fewer heads and columns
        fewer = reducing.with_layers(
            base.model, reducing.which_layers(base.spec.layers, min(settings.layers, base.spec.layers), "alternate")
        )
        narrow = encoder_cuts.fewer_parts(space, base)
        for name, cut in (("cut_layers", fewer), ("cut_heads", narrow)):
            history = space.finetune(cut, name, plan, inputs)
            published.append(encoder_cuts.in_8_bits(publisher, cut, stage.row(name), inputs, space.measured(history)))
        space.check_unchanged(base)
        records = publisher.finish(published, base.runtime)

        # %% Fewer words: another tokenizer, so a room of its own
        records += encoder_cuts.with_fewer_words(space, base, stage.row("cut_vocabulary"))
        space.remove_checkpoints()
    print(f"wrote {', '.join(record['file'] for record in records)} with metrics in {settings.artifacts}")
    print(f"next: {manifest.command(manifest.ENCODER_DISTILLATION, artifacts)}")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
