"""Stage 4: magnitude pruning of a copy of the base, fine-tuned, and the same in 8 bits.

Reads    artifacts/reviews.csv, tokenizer.json, modelo_base.keras (stages 1 and 2)
Writes   artifacts/modelo_podado.keras, modelo_podado_DRQ.tflite, each with its .metrics.json and .probabilities.npz
Command  python 4_pruning.py [--final-sparsity 0.9] [--fresh]
"""

# %% Settings: edit here, or pass as flags
ARTIFACTS = "artifacts"  # folder that the stages share
RECIPE = "auto"  # auto: the recipe by which stage 1 cleaned; thesis: the study's settings
INITIAL_SPARSITY = 0.2  # share of zeros at the start of fine-tuning, the study's
FINAL_SPARSITY = 0.8  # and at its end, the study's
EPOCHS = 2  # of fine-tuning
BATCH_SIZE = 64  # the study's
LEARNING_RATE = 0.0005  # half of the base's: the weights are near a good place already
SCHEDULE = "cosine"  # constant, or cosine down to 5 %
SEED = 1  # of order and dropout
LATENCY_REVIEWS = 300  # test reviews that are timed one by one, in turns with the base in Keras
DEPLOYMENT = True  # measure each file in a fresh process as well: start-up, memory, text to probability
FRESH = False  # start over instead of going on with an interrupted training

RECIPES = {"thesis": {"EPOCHS": 3, "LEARNING_RATE": 0.001, "SCHEDULE": "constant"}}


# %% Stage
def main(arguments: list[str] | None = None) -> None:
    """Run the stage; see the top of the file."""
    from pathlib import Path

    from sentipress.core import cli, files, manifest

    settings = cli.settings(__file__, arguments)
    artifacts = Path(settings.artifacts)
    with files.lock(artifacts, settings.stage):
        from sentipress.lstm import networks, pruning, training
        from sentipress.pipeline import workspace
        from sentipress.core.backend import deterministic

        # %% Open what stages 1 and 2 saved
        pruning.check_schedule(settings.initial_sparsity, settings.final_sparsity)
        space, base = workspace.Workspace.open(settings)
        spec, inputs = base.spec, space.inputs("modelo_base.keras")
        deterministic(settings.seed)

        # %% Prune a copy while it is fine-tuned; the last epoch alone has the full sparsity
        plan = training.plan_of(settings, bucketed=spec.masked, patience=settings.epochs, keep_best=False)
        steps = training.steps_per_epoch(len(space.ids["train"]), plan) * plan.epochs
        wrapped = pruning.prunable_copy(base.model, spec, settings.initial_sparsity, settings.final_sparsity, steps)
        history = space.train(wrapped, "modelo_podado", plan, inputs, callbacks=pruning.callbacks())
        pruned = networks.to_stock(pruning.strip(wrapped), spec)

        # %% The base must be what it was
        space.check_unchanged(base)

        # %% Save, score from disk, time
        measured = history.facts()
        row = {"order": 40, "technique": "Magnitude pruning", "complexity": "simple", "role": "model"}
        keras_facts, loaded = space.publish_keras(pruned, spec, "modelo_podado", row, inputs, measured)
        row = {"order": 41, "technique": "Magnitude pruning + dynamic range", "complexity": "medium", "role": "model"}
        lite_facts, lite = space.publish_tflite(
            loaded, spec, "modelo_podado_DRQ", "dynamic_range", row, [*inputs, space.final("modelo_podado", keras_facts)], {}
        )
        records = space.finish(
            {"modelo_podado": keras_facts, "modelo_podado_DRQ": lite_facts},
            {
                workspace.BASE: workspace.keras_call(base.model),
                "modelo_podado": workspace.keras_call(loaded),
                "modelo_podado_DRQ": lite.predict_one,
            },
        )
        space.remove_checkpoints()

    print(f"the base is unchanged: {base.record['scores']['accuracy']['value']:.2%} as before")
    for array in records[0]["parameters"]["arrays"]:
        print(f"  {array['name']}: {array['sparsity']:.1%} zeros of {array['total']:,}")
    print(f"wrote {', '.join(record['file'] for record in records)} with metrics in {settings.artifacts}")
    print(f"next: {manifest.command(manifest.DISTILLATION, artifacts)}")


if __name__ == "__main__":
    from sentipress.core.errors import exit_code

    raise SystemExit(exit_code(main))
