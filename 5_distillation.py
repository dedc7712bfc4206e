"""Stage 5: a student of half the width, taught by the base; then the comparison table of all models.

Reads    artifacts/reviews.csv, tokenizer.json, embedding_start.npz, modelo_base.keras (stages 1 and 2); the last cell: all metrics
Writes   artifacts/modelo_destilado.keras, modelo_destilado_DRQ.tflite, modelo_control.keras (the same student without
         a teacher), each with its .metrics.json and .probabilities.npz; artifacts/comparison.{md,csv,tex}
Command  python 5_distillation.py [--alpha 0.5 --temperature 3] [--fresh]
"""

# %% Settings: edit here, or pass as flags
ARTIFACTS = "artifacts"  # folder that the stages share
RECIPE = "auto"  # auto: the recipe by which stage 1 cleaned; thesis: the study's settings
WIDTH = 0.5  # of embedding and units, against the base; the study's
ALPHA = 0.1  # weight of the label; the rest goes to the teacher
TEMPERATURE = 2.0  # softens teacher and student alike (Hinton et al. 2015)
EMBEDDING_START = "svd+nb"  # random, svd or svd+nb, as for the base: the first columns of its word vectors
EMBEDDING_SCALE = 0.1  # standard deviation of those vectors
EPOCHS = 3  # one more than the base: a student is smaller and its epochs cheaper
BATCH_SIZE = 64  # the study's
LEARNING_RATE = 0.001  # Adam's own default, the study's
SCHEDULE = "cosine"  # constant, or cosine down to 5 %
PATIENCE = 2  # epochs without a better validation accuracy
KEEP_BEST = True  # end with the best epoch's weights
SEED = 1  # of weights, order and dropout
LATENCY_REVIEWS = 300  # test reviews that are timed one by one, in turns with the base in Keras
DEPLOYMENT = True  # measure each file in a fresh process as well: start-up, memory, text to probability
FRESH = False  # start over instead of going on with an interrupted training

RECIPES = {
    "thesis": {
        "ALPHA": 0.85,  # the study's best of 49
        "TEMPERATURE": 1.5,
        "EMBEDDING_START": "random",
        "EPOCHS": 12,
        "SCHEDULE": "constant",
        "PATIENCE": 12,
        "KEEP_BEST": False,
    }
}

# %% Rows: file name, order, technique, complexity (the study's word), role
ROWS = (
    ("modelo_destilado", 50, "Distilled student", "high", "model"),
    ("modelo_destilado_DRQ", 51, "Distilled student + dynamic range", "high", "model"),
    ("modelo_control", 52, "Student without teacher (control)", "base", "control"),
)


# %% Stage
def main(arguments: list[str] | None = None) -> None:
    """Run the stage; see the top of the file."""
    import time
    from pathlib import Path

    from sentipress import cli, files

    settings = cli.settings(__file__, arguments)
    artifacts = Path(settings.artifacts)
    with files.lock(artifacts, settings.stage):
        import numpy as np

        from sentipress import distillation, models, table, training, workspace
        from sentipress.backend import deterministic

        # %% Open what stages 1 and 2 saved
        space, base = workspace.Workspace.open(settings)
        spec, inputs = distillation.student_spec(base.spec, settings.width), space.inputs("modelo_base.keras", *space.words())
        print(f"teacher {models.count_parameters(base.spec):,} parameters, student {models.count_parameters(spec):,}")

        # %% What the frozen teacher says of the training reviews: once, without dropout
        deterministic(settings.seed)
        started = time.perf_counter()
        vectors = space.start_table(spec)
        logits = training.predictor(models.to_training(base.model, base.spec), base.spec.masked)(space.ids["train"])
        teaching = time.perf_counter() - started
        targets = np.stack([space.labels["train"], logits], axis=1)

        # %% The student, and its control: the same start, order and dropout, and no teacher
        plan = training.plan_of(settings, bucketed=spec.masked)
        losses = {
            "modelo_destilado": distillation.distillation_loss(settings.alpha, settings.temperature),
            "modelo_control": training.binary_cross_entropy,
        }
        students, measured = {}, {}
        for name, loss in losses.items():
            deterministic(settings.seed)
            student = models.build_for_training(spec)
            models.start_embedding(student, vectors)
            history = space.train(student, name, plan, inputs, targets, loss=loss)
            students[name] = models.to_stock(student, spec)
            measured[name] = {"seconds": {"training": history.seconds}, "history": history.epochs, "best_epoch": history.best_epoch}
        measured["modelo_destilado"]["seconds"]["teacher"] = teaching
        space.check_unchanged(base)

        # %% Save, score from disk, time
        published, calls = {}, {workspace.BASE: workspace.keras_call(base.model)}
        for name, order, technique, complexity, role in ROWS:
            row = {"order": order, "technique": technique, "complexity": complexity, "role": role}
            if name in students:
                facts, loaded = space.publish_keras(students[name], spec, name, row, inputs, measured[name])
                published[name], calls[name] = facts, workspace.keras_call(loaded)
            else:
                source = space.final("modelo_destilado", published["modelo_destilado"])
                student = students["modelo_destilado"]
                facts, lite = space.publish_tflite(student, spec, name, "dynamic_range", row, [*inputs, source], {})
                published[name], calls[name] = facts, lite.predict_one
        records = space.finish(published, calls)
        space.remove_checkpoints()
    print(f"wrote {', '.join(record['file'] for record in records)} with metrics in {settings.artifacts}\n")

    # %% The comparison of all models; python compare.py makes it at any time
    table.make(artifacts)


if __name__ == "__main__":
    from sentipress.errors import exit_code

    raise SystemExit(exit_code(main))
