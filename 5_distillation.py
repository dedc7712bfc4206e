"""Stage 5: a student of half the width, taught by an ensemble on reviews with and without labels; then the comparison table.

Reads    artifacts/reviews.csv, unlabelled.csv (if stage 1 wrote it), tokenizer.json, embedding_start.npz, modelo_base.keras
         (stages 1 and 2), classical_nb.npz (if classical.py wrote it); the last cell: all metrics
Writes   artifacts/modelo_destilado.keras, modelo_destilado_DRQ.tflite, modelo_control.keras (the same student, start and
         number of steps, and no teacher), modelo_destilado_<technique>.keras for the other techniques, each with its
         .metrics.json and .probabilities.npz; teacher_*.npz (what each teacher says); comparison.{md,csv,tex}.
         With --search: search_distillation.json, figures/search_distillation.png (study), teacher_*.npz; no model
Command  python 5_distillation.py [--techniques response,feature,relation,self,online] [--alpha 0.5 --temperature 3] [--fresh]
         python 5_distillation.py --search study [--address HOST:PORT], then --defaults artifacts/search_distillation.json
"""

# %% Settings: edit here, or pass as flags
ARTIFACTS = "artifacts"  # folder that the stages share
RECIPE = "auto"  # auto: the recipe by which stage 1 cleaned; thesis: the study's settings
TECHNIQUES = "response"  # what the teacher teaches: some of response, feature, relation, self, online, with commas
TEACHER = "auto"  # models joined by + (their mean log-odds); auto: the base, and classical_nb if classical.py has made it
USE_UNLABELLED = True  # teach on the unlabelled reviews as well, if stage 1 was given some
WIDTH = 0.5  # of embedding and units, against the base; the study's
STUDENT_EMBEDDING = 0  # columns of its embedding; 0: by WIDTH
ALPHA = 0.5  # weight of the label where there is one; the rest goes to the teacher
TEMPERATURE = 1.0  # above 1 softens teacher and student alike (Hinton et al. 2015)
FEATURE_WEIGHT = 0.1  # of the part of the loss that features or relations add to the response
EMBEDDING_START = "svd+nb"  # random, svd or svd+nb, as for the base: the first columns of its word vectors
EMBEDDING_SCALE = 0.1  # standard deviation of those vectors
EPOCHS = 3  # passes over all reviews that teach; the control gets as many steps over the labelled ones
BATCH_SIZE = 256  # four times the study's: a step costs twice as much
LEARNING_RATE = 0.003  # Adam's own default times three, for the larger batches
SCHEDULE = "cosine"  # constant, or cosine down to 5 %
PATIENCE = 2  # epochs without a better validation accuracy
KEEP_BEST = True  # end with the best epoch's weights
SEED = 1  # of weights, order and dropout
LATENCY_REVIEWS = 300  # test reviews that are timed one by one, in turns with the base in Keras
DEPLOYMENT = True  # measure each file in a fresh process as well: start-up, memory, text to probability
FRESH = False  # start over instead of going on with an interrupted training
SEARCH = None  # study (its 49 points of alpha and T) or wide: search on validation with Ray Tune, instead of the stage
ADDRESS = None  # of a Ray cluster (host:port) that the search uses; none: this machine's cores
SAMPLE = 0  # reviews that a search trains on; 0: all
DEFAULTS = None  # JSON of a search whose best settings replace those above

RECIPES = {
    "thesis": {
        "TEACHER": "modelo_base",
        "USE_UNLABELLED": False,
        "ALPHA": 0.85,  # the study's best of 49
        "TEMPERATURE": 1.5,
        "EMBEDDING_START": "random",
        "EPOCHS": 12,
        "BATCH_SIZE": 64,
        "LEARNING_RATE": 0.001,
        "SCHEDULE": "constant",
        "PATIENCE": 12,
        "KEEP_BEST": False,
    }
}

# %% Rows: file name, order, technique; complexity is the study's word
ROWS = {
    "response": ("modelo_destilado", 50, "Distilled student"),
    "feature": ("modelo_destilado_feature", 52, "Distilled student, feature-based"),
    "relation": ("modelo_destilado_relation", 53, "Distilled student, relation-based"),
    "self": ("modelo_destilado_self", 54, "Distilled student, self-distillation"),
    "online": ("modelo_destilado_online", 55, "Distilled student, mutual learning"),
}


# %% Stage
def main(arguments: list[str] | None = None) -> None:
    """Run the stage; see the top of the file."""
    from pathlib import Path

    from sentipress.core import cli, files

    settings = cli.settings(__file__, arguments)
    artifacts = Path(settings.artifacts)
    with files.lock(artifacts, settings.stage):
        import numpy as np

        from sentipress.evaluation import statistics
        from sentipress.lstm import distillation, networks, training
        from sentipress.pipeline import teachers, workspace
        from sentipress.reporting import table
        from sentipress.text import embeddings
        from sentipress.core.backend import deterministic

        techniques = distillation.parse_techniques(settings.techniques)
        if settings.search:
            from sentipress.pipeline import search

            search.distil(settings)
            return

        # %% Open what stages 1 and 2 saved
        space, base = workspace.Workspace.open(settings)
        spec = distillation.student_spec(base.spec, settings.width, settings.student_embedding)

        # %% What the frozen teachers say of all reviews that teach: once, without dropout
        deterministic(settings.seed)
        vectors = embeddings.table_of(space.start(), settings, spec.embedding_dim)
        teaching, unlabelled = teachers.consult(space)
        inputs = space.inputs("modelo_base.keras", *teaching.files, *space.words())
        right = np.mean((teaching.logits["validation"] > 0) == (space.labels["validation"] > 0.5))
        print(
            f"teacher {' + '.join(teaching.names)}: validation accuracy {right:.2%}; student {networks.count_parameters(spec):,} parameters"
        )
        ids = np.concatenate([space.ids["train"], space.tokenizer.encode(unlabelled)])

        # %% The control: the same start, as many steps, and no teacher
        plan = training.plan_of(settings, bucketed=spec.masked)
        epochs = round(settings.epochs * len(ids) / len(space.ids["train"]))
        longer = training.plan_of(settings, bucketed=spec.masked, epochs=epochs, patience=max(epochs, settings.patience))  # never cut short
        deterministic(settings.seed)
        control = networks.build_for_training(spec)
        networks.start_embedding(control, vectors)
        history = space.train(control, "modelo_control", longer, inputs)
        students = {"modelo_control": networks.to_stock(control, spec)}
        rows = {"modelo_control": (59, "Student without teacher (control)", "base", "control")}
        measured = {"modelo_control": history.facts()}

        # %% The students
        others = {"self": ["modelo_control"], "online": []}  # the teachers of techniques that do not hear the ensemble
        for technique in techniques:
            name, order, title = ROWS[technique]
            logits, features = teaching.logits, None
            if technique == "self":
                told = training.predictor(control, spec.masked)(ids)
                logits = {"train": told[: len(space.ids["train"])], "unlabelled": told[len(space.ids["train"]) :]}
            if distillation.TECHNIQUES[technique].needs_features:
                features = teachers.features(base.model, base.spec, ids)
            targets = distillation.targets_of(space.labels["train"], logits["train"], logits["unlabelled"], features)
            deterministic(settings.seed)
            distiller = distillation.Distiller.of(settings, technique, spec, vectors, targets)
            history = space.train(distiller.model, name, plan, inputs, (ids, targets), loss=distiller.loss)
            students[name], rows[name] = networks.to_stock(distiller.student, spec), (order, title, "high", "model")
            about = {"technique": technique, "teachers": others.get(technique, list(teaching.names))}
            measured[name] = {**history.facts(), "unlabelled_reviews": len(unlabelled), "distillation": about}
            if technique not in others:
                about["teacher_validation_accuracy"] = float(right)
                measured[name]["seconds"]["teacher"] = teaching.seconds
        space.check_unchanged(base)

        # %% Save, score from disk, time
        published, calls = {}, {workspace.BASE: workspace.keras_call(base.model)}
        for name, (order, title, complexity, role) in rows.items():
            row = {"order": order, "technique": title, "complexity": complexity, "role": role}
            compared = [] if role == "control" else [artifacts / "modelo_control.keras"]
            facts, loaded = space.publish_keras(students[name], spec, name, row, [*inputs, *compared], measured[name])
            published[name], calls[name] = facts, workspace.keras_call(loaded)
        for name in rows:
            if name != "modelo_control":  # what the teacher was good for, on the same reviews
                told, alone = (published[one]["probabilities"]["test"] for one in (name, "modelo_control"))
                helped = measured[name]["distillation"]["to_control"] = statistics.comparison(told, alone, space.labels["test"])
                low, high = (f"{100 * helped[end]:+.2f}" for end in ("low", "high"))
                print(f"{name}: distillation helped by {100 * helped['value']:+.2f} points ({low} to {high}, p = {helped['p']:.3f})")
        if "response" in techniques:
            name, row = "modelo_destilado_DRQ", {"order": 51, "technique": "Distilled student + dynamic range"}
            source = space.final("modelo_destilado", published["modelo_destilado"])
            row |= {"complexity": "high", "role": "model"}
            student = students["modelo_destilado"]
            published[name], lite = space.publish_tflite(student, spec, name, "dynamic_range", row, [*inputs, source], {})
            calls[name] = lite.predict_one
        records = space.finish(published, calls)
        space.remove_checkpoints()
    print(f"wrote {', '.join(record['file'] for record in records)} with metrics in {settings.artifacts}\n")

    # %% The comparison of all models; python compare.py makes it at any time
    table.make(artifacts)


if __name__ == "__main__":
    from sentipress.core.errors import exit_code

    raise SystemExit(exit_code(main))
