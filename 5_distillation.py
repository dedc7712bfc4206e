"""Stage 5: a student of half the width, taught by an ensemble on texts with and without labels; then the comparison table.

Reads    artifacts/reviews.csv, unlabelled.csv (if stage 1 wrote it), tokenizer.json, embedding_start.npz, modelo_base.keras
         (stages 1 and 2), classical_nb.npz (if classical.py wrote it); the last cell: all metrics
Writes   artifacts/modelo_destilado.keras, modelo_destilado_DRQ.tflite, modelo_control.keras (the same student, start and
         number of steps, and no teacher), modelo_destilado_<technique>.keras for the other techniques, modelo_profesor.ensemble
         (the teacher, if it is more than one model), each with its .metrics.json and .probabilities.npz;
         teacher_*.npz (what each teacher says); comparison.{md,csv,tex}.
         With --search: search_distillation.json, figures/search_distillation.png (study), teacher_*.npz; no model
Command  python 5_distillation.py [--techniques response,feature,relation,self,pseudo,online] [--alpha 0.5 --temperature 3] [--fresh]
         python 5_distillation.py --search study [--address HOST:PORT], then --defaults artifacts/search_distillation.json
"""

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags
ARTIFACTS = "artifacts"  # folder that the stages share
RECIPE = "auto"  # {auto, default, thesis, posts} auto: the recipe by which stage 1 cleaned; thesis: the study's settings
TECHNIQUES = "auto"  # some of response, feature, relation, self, pseudo, online, with commas; auto: see School.usual_techniques
TEACHER = "auto"  # models joined by + (their mean log-odds); auto: the base, and classical_nb if classical.py has made it
USE_UNLABELLED = True  # teach on the unlabelled texts as well, if stage 1 was given some
VARIED = 0.0  # [0.0, 100.0] without unlabelled texts: texts made from the training texts, for each of these, to teach on instead
ANSWERS = "auto"  # what is said of sentences: auto (answers.npz, or published ones that fit), none, rules alone, or a file of ask.py
RULES = True  # beside an encoder's answers take of made sentences what their rule says; False: what the encoder says
PAIR_TIMES = 8  # [1, 100] times that an edited text and its original (--more-training original+edited) are read in an epoch
REVIEW_TIMES = 1  # [1, 100] times that reviews are read in an epoch that reads each sentence once: more where sentences are many
WIDTH = 0.5  # [0.05, 1.0] of embedding and units, against the base; the study's
STUDENT_EMBEDDING = 0  # [0, 1024] columns of its embedding; 0: by WIDTH
ALPHA = 0.5  # [0.0, 1.0] weight of the label where there is one; the rest goes to the teacher
TEMPERATURE = 1.0  # [0.01, 100.0] above 1 softens teacher and student alike (Hinton et al. 2015)
FEATURE_WEIGHT = 0.1  # [0.0, 1000.0] of the part of the loss that features or relations add to the response
EMBEDDING_START = "svd+nb"  # {random, svd, svd+nb} as for the base: the first columns of its word vectors
EMBEDDING_SCALE = 0.1  # [0.001, 10.0] standard deviation of those vectors
EPOCHS = 5  # [1, 1000] passes over all texts that teach; the control reads as many words, all of them labelled
BATCH_SIZE = 256  # [1, 4096] four times the study's: a step costs twice as much
LEARNING_RATE = 0.003  # [1e-7, 1.0] Adam's own default times three, for the larger batches
SCHEDULE = "cosine"  # {constant, cosine} cosine falls down to 5 %
PATIENCE = 5  # [1, 1000] epochs without a better validation accuracy: the last ones, of small steps, are the best
KEEP_BEST = False  # students end with the best epoch by validation reviews; False: with the last one, since reviews say little of sentences
CONTROL_BEST = True  # the control ends with its best epoch: by labels alone it learns its texts by heart
SEED = 1  # [0, 2147483647] of weights, order and dropout
IDS_MEMORY = 4000  # [1, 1000000] MB that the ids of a set of texts may take; more lie in a file and are read in pieces (docs/scale.md)
LATENCY_REVIEWS = 100  # [10, 10000] test texts that are timed one by one, in three rounds, in turns with the base in Keras
DEPLOYMENT = True  # measure each file in a fresh process as well: start-up, memory, text to probability
FRESH = False  # start over instead of going on with an interrupted training
SEARCH = None  # study (its 49 points of alpha and T) or wide: search on validation with Ray Tune, instead of the stage
ADDRESS = None  # of a Ray cluster (host:port) that the search uses; none: this machine's cores
SAMPLE = 0  # [0, 100000000] texts that a search trains on; 0: all
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
        "CONTROL_BEST": False,
    },
    "posts": {"PATIENCE": 2, "KEEP_BEST": True},  # posts are sentences themselves
}


# %% Stage
def main(arguments: list[str] | None = None) -> None:
    """Run the stage; see the top of the file."""
    from pathlib import Path

    from sentipress.core import cli, folder, manifest

    settings = cli.settings(__file__, arguments)
    artifacts, stage = Path(settings.artifacts), manifest.LSTM.stage(manifest.DISTILLATION)
    with folder.lock(artifacts, settings.stage):
        from sentipress.lstm import distillation, networks
        from sentipress.pipeline.publisher import Publisher
        from sentipress.pipeline.students import School
        from sentipress.pipeline.workspace import Workspace
        from sentipress.reporting import table

        chosen = distillation.parse_techniques(settings.techniques)
        if settings.search:
            from sentipress.pipeline import search

            search.distil(settings)
            return

        # %% Open what stages 1 and 2 saved; ask the teachers about all texts that teach
        space, base = Workspace.open(settings)
        school = School(space, base)
        print(
            f"teacher {' + '.join(school.teaching.names)}: validation accuracy {school.teacher_accuracy:.2%}; "
            f"student {networks.count_parameters(school.spec):,} parameters"
        )

        # %% The control: the same start, as many words to read, and no teacher. Then a student for each technique
        control = school.control()
        students = {technique: school.teach(technique, control) for technique in chosen or school.usual_techniques}
        space.check_unchanged(base)

        # %% Save, score from disk, compare with the control
        publisher, alone = Publisher(space), school.publish(control, None)
        published = {}
        for technique, student in students.items():
            published[technique] = school.publish(student, alone)
            gain = student.about["to_control"]
            low, high = (f"{100 * gain[end]:+.2f}" for end in ("low", "high"))
            print(f"{student.row.name}: to the control {100 * gain['value']:+.2f} points ({low} to {high}, p = {gain['p']:.3f})")

        # %% The first student in 8 bits; then time all of them
        in_8_bits = []
        if "response" in students:
            stock = networks.to_stock(students["response"].model, school.spec)
            inputs = [*school.inputs, published["response"].file]
            in_8_bits = [publisher.tflite(stock, school.spec, "dynamic_range", stage.row("modelo_destilado_DRQ"), inputs)]
        records = publisher.finish([alone, *published.values(), *in_8_bits, *school.publish_teacher()], base.runtime)
        space.remove_checkpoints()
    print(f"wrote {', '.join(record['file'] for record in records)} with metrics in {settings.artifacts}\n")

    # %% The comparison of all models; python compare.py makes it at any time
    table.make(artifacts)


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
