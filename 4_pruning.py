"""Stage 4: magnitude pruning of a copy of the base, fine-tuned, and the same in 8 bits.

Reads    artifacts/reviews.csv, tokenizer.json, modelo_base.keras (stages 1 and 2)
Writes   artifacts/modelo_podado.keras, modelo_podado_DRQ.tflite, each with its .metrics.json and .probabilities.npz
Command  python 4_pruning.py [--final-sparsity 0.9] [--fresh]
"""

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags
ARTIFACTS = "artifacts"  # folder that the stages share
RECIPE = "auto"  # {auto, default, thesis, posts} auto: the recipe by which stage 1 cleaned; thesis: the study's settings
INITIAL_SPARSITY = 0.2  # [0.0, 0.99] share of zeros at the start of fine-tuning, the study's
FINAL_SPARSITY = 0.8  # [0.0, 0.99] and at its end, the study's
EPOCHS = 2  # [1, 1000] of fine-tuning
BATCH_SIZE = 64  # [1, 4096] the study's
LEARNING_RATE = 0.0005  # [1e-7, 1.0] half of the base's: the weights are near a good place already
SCHEDULE = "cosine"  # {constant, cosine} cosine falls down to 5 %
SEED = 1  # [0, 2147483647] of order and dropout
LATENCY_REVIEWS = 100  # [10, 10000] test texts that are timed one by one, in three rounds, in turns with the base in Keras
DEPLOYMENT = True  # measure each file in a fresh process as well: start-up, memory, text to probability
FRESH = False  # start over instead of going on with an interrupted training

RECIPES = {"thesis": {"EPOCHS": 3, "LEARNING_RATE": 0.001, "SCHEDULE": "constant"}}


# %% Stage
def main(arguments: list[str] | None = None) -> None:
    """Run the stage; see the top of the file."""
    from pathlib import Path

    from sentipress.core import cli, folder, manifest

    settings = cli.settings(__file__, arguments)
    artifacts, stage = Path(settings.artifacts), manifest.LSTM.stage(manifest.PRUNING)
    with folder.lock(artifacts, settings.stage):
        from sentipress.core.backend import deterministic
        from sentipress.lstm import networks, pruning, training
        from sentipress.pipeline.publisher import Publisher
        from sentipress.pipeline.workspace import Workspace

        # %% Open what stages 1 and 2 saved
        pruning.check_schedule(settings.initial_sparsity, settings.final_sparsity)
        space, base = Workspace.open(settings)
        spec, inputs = base.spec, space.inputs(manifest.BASE.file)
        deterministic(settings.seed)

        # %% Prune a copy while it is fine-tuned; the last epoch alone has the full sparsity
        plan = training.plan_of(settings, bucketed=spec.masked, patience=settings.epochs, keep_best=False)
        steps = training.steps_per_epoch(len(space.ids["train"]), plan) * plan.epochs
        wrapped = pruning.prunable_copy(base.model, spec, settings.initial_sparsity, settings.final_sparsity, steps)
        row = stage.row("modelo_podado")
        history = space.train(wrapped, row.name, plan, inputs, callbacks=pruning.callbacks())
        pruned = networks.to_stock(pruning.strip(wrapped), spec)

        # %% The base must be what it was
        space.check_unchanged(base)

        # %% Save, score from disk, time
        publisher = Publisher(space)
        in_keras = publisher.keras(pruned, spec, row, inputs, history.measured())
        row = stage.row("modelo_podado_DRQ")
        in_8_bits = publisher.tflite(pruned, spec, "dynamic_range", row, [*inputs, in_keras.file])
        records = publisher.finish([in_keras, in_8_bits], base.runtime)
        space.remove_checkpoints()

    print(f"the base is unchanged: {base.record['scores']['accuracy']['value']:.2%} as before")
    for array in records[0]["parameters"]["arrays"]:
        print(f"  {array['name']}: {array['sparsity']:.1%} zeros of {array['total']:,}")
    print(f"wrote {', '.join(record['file'] for record in records)} with metrics in {settings.artifacts}")
    print(f"next: {manifest.command(manifest.DISTILLATION, artifacts)}")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
