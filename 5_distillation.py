"""Stage 5: a student of half the width, taught by the base; then the comparison table of all models.

Reads    artifacts/reviews.csv, tokenizer.json, modelo_base.keras (stages 1 and 2); the last cell: all metrics
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
EMBEDDING_START = "svd+nb"  # random, svd or svd+nb, as for the base
EMBEDDING_SCALE = 0.1  # standard deviation of those vectors
EPOCHS = 4  # one more than the base: a student is smaller and its epochs cheaper
BATCH_SIZE = 64  # the study's
LEARNING_RATE = 0.001  # Adam's own default, the study's
SCHEDULE = "cosine"  # constant, or cosine down to 5 %
PATIENCE = 2  # epochs without a better validation accuracy
KEEP_BEST = True  # end with the best epoch's weights
SEED = 1  # of weights, order and dropout
LATENCY_REVIEWS = 300  # test reviews that are timed one by one, in turns with the base in Keras
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


# %% Stage
def main(arguments: list[str] | None = None) -> None:
    """Run the stage; see the top of the file."""
    from sentipress import cli

    settings = cli.settings(__file__, arguments)

    import numpy as np

    from sentipress import distillation, embeddings, files, models, table, training, workspace
    from sentipress.backend import deterministic

    with files.lock(cli.artifacts(settings), settings.stage):
        # %% Open what stages 1 and 2 saved
        space = workspace.Workspace.open(settings)
        teacher, teacher_spec, base_record = space.base()
        spec = distillation.student_spec(teacher_spec, settings.width)
        deterministic(settings.seed)

        # %% What the frozen teacher says of the training reviews: once, without dropout
        print(f"teacher {models.count_parameters(teacher_spec):,} parameters, student {models.count_parameters(spec):,}")
        logits = training.predict(models.to_training(teacher, teacher_spec), space.ids["train"], teacher_spec.masked)
        targets = np.stack([space.labels["train"], logits], axis=1)
        vectors = embeddings.start(
            settings.embedding_start,
            space.reviews.texts("train"),
            space.labels["train"],
            space.tokenizer,
            spec.embedding_dim,
            settings.embedding_scale,
            settings.seed,
        )

        # %% The student, and its control: the same start, order and dropout, and no teacher
        plan = training.TrainingPlan(
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            learning_rate=settings.learning_rate,
            schedule=settings.schedule,
            patience=settings.patience,
            keep_best=settings.keep_best,
            bucketed=spec.masked,
            seed=settings.seed,
        )
        runs = (
            (
                "modelo_destilado",
                "Distilled student",
                "high",
                "model",
                distillation.distillation_loss(settings.alpha, settings.temperature),
            ),
            ("modelo_control", "Student without teacher (control)", "base", "control", training.binary_cross_entropy),
        )
        published, calls = {}, {workspace.BASE: workspace.keras_call(teacher)}
        inputs = space.inputs("modelo_base.keras")
        for order, (name, technique, complexity, role, loss) in enumerate(runs):
            deterministic(settings.seed)
            student = models.build_for_training(spec)
            models.start_embedding(student, vectors)
            history = training.train(
                student,
                (space.ids["train"], targets),
                (space.ids["validation"], space.labels["validation"]),
                plan,
                space.folder / f".{name}.checkpoint.npz",
                {**space.identity("modelo_base.keras"), "name": name},
                loss=loss,
                fresh=settings.fresh,
                title=name,
            )
            measured = {"seconds": {"training": history.seconds}, "history": history.epochs, "best_epoch": history.best_epoch}
            row = {"order": 50 + 2 * order, "technique": technique, "complexity": complexity, "role": role}
            facts, loaded = space.publish_keras(models.to_stock(student, spec), spec, name, row, inputs, measured)
            published[name], calls[name] = facts, workspace.keras_call(loaded)
            if role == "model":
                row = {**row, "order": 51, "technique": "Distilled student + dynamic range"}
                facts, lite = space.publish_tflite(loaded, spec, f"{name}_DRQ", "dynamic_range", row, [*inputs, facts["path"]], {})
                published[f"{name}_DRQ"], calls[f"{name}_DRQ"] = facts, lite.predict_one

        # %% The teacher must be what it was; then score, time and save
        space.check_unchanged(teacher, teacher_spec, base_record)
        records = space.finish(published, calls, workspace.BASE)
        for name, *_ in runs:
            training.remove_checkpoint(space.folder / f".{name}.checkpoint.npz")
    print(f"wrote {', '.join(record['file'] for record in records)} with metrics in {settings.artifacts}\n")

    # %% The comparison of all models; python compare.py makes it at any time
    table.make(space.folder)


if __name__ == "__main__":
    from sentipress.errors import exit_code

    raise SystemExit(exit_code(main))
