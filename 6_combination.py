"""Stage 6: a chain of compressions, measured after every link; at its end one small file, the pocket model.

Reads    artifacts/reviews.csv, unlabelled.csv (if stage 1 wrote it), tokenizer.json, embedding_start.npz, modelo_base.keras
         (stages 1 and 2) or another model to start from, classical_nb.npz (if classical.py wrote it)
Writes   artifacts/pocket_<number>_<link>.keras or .tflite per link, and pocket.zip (network, vocabulary and settings), each
         with its .metrics.json and .probabilities.npz; pocket_*.tokenizer.json where the vocabulary changes
Command  python 6_combination.py [--chain vocabulary,factorize=16,units=16,distil,prune=0.5,cluster=16,quantize,pack --name other]

Links: vocabulary[=words], distil[=columns x units], train=columns x units (by the labels alone), factorize[=columns],
units[=units], prune[=share], cluster[=values] in any order, as often as wanted; then one of float32, float16, quantize
(dynamic range), int4; then pack.
"""

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags
ARTIFACTS = "artifacts"  # folder that the stages share
RECIPE = "auto"  # {auto, default, thesis, posts} auto: the recipe by which stage 1 cleaned
START = "modelo_base"  # Keras model that the chain starts from; modelo_destilado, for example
CHAIN = "vocabulary=8000,distil=24x44,round,int4,pack"  # what is done, in this order; see docs/stages.md
NAME = "pocket"  # of the files; another one keeps two chains side by side
TOLERANCE = 0.005  # [0.0, 0.5] validation accuracy that vocabulary, factorize or units may cost, before training, without a value
KEEP_PAIRS = False  # may `vocabulary` keep word pairs? They tell most about whole reviews; sentences need more different words
COMMON_WORTH = 0.1  # [0.0, 100.0] for `vocabulary`: what a word is worth that tells nothing of the label, in squared log-count ratios
TEACHER = "auto"  # models joined by + (their mean log-odds); auto: the base, and classical_nb if classical.py has made it
USE_UNLABELLED = True  # teach on the unlabelled texts as well, if stage 1 was given some
VARIED = 1.0  # [0.0, 100.0] without unlabelled texts: texts made from the training texts, for each of these, to teach on instead
ANSWERS = "auto"  # what is said of sentences: auto (answers.npz, or published ones that fit), none, rules alone, or a file of ask.py
RULES = True  # beside an encoder's answers take of made sentences what their rule says; False: what the encoder says
PAIR_TIMES = 8  # [1, 100] times that an edited text and its original (--more-training original+edited) are read in an epoch
REVIEW_TIMES = 1  # [1, 100] times that reviews are read in an epoch that reads each sentence once: more where sentences are many
ALPHA = 0.5  # [0.0, 1.0] weight of the label where there is one; the rest goes to the teacher
TEMPERATURE = 1.0  # [0.01, 100.0] as in stage 5
DROPOUT = 0.2  # [0.0, 0.95] of a student that distil=... builds: less than the base's, it is too small to learn by heart
SPATIAL_DROPOUT = 0.15  # [0.0, 0.95] of whole embedding columns of such a student
EMBEDDING_START = "svd+nb"  # {random, svd, svd+nb} where its embedding starts
EMBEDDING_SCALE = 0.1  # [0.001, 10.0] standard deviation of those vectors
EPOCHS = 6  # [1, 1000] of each link that trains: of the many short texts that an encoder answered three are too few
BATCH_SIZE = 256  # [1, 4096] as in stage 5
LEARNING_RATE = 0.004  # [1e-7, 1.0] a third more than stage 5's: fewer weights
SCHEDULE = "cosine"  # {constant, cosine} cosine falls down to 5 %
PATIENCE = 6  # [1, 1000] epochs without a better validation accuracy: the last ones, of small steps, are the best
KEEP_BEST = False  # end with the best epoch by validation reviews; False: with the last one, since reviews say little of sentences
SEED = 1  # [0, 2147483647] of weights, order and dropout
IDS_MEMORY = 4000  # [1, 1000000] MB that the ids of a set of texts may take; more lie in a file and are read in pieces (docs/scale.md)
LATENCY_REVIEWS = 100  # [10, 10000] test texts that are timed one by one, in three rounds, in turns with the base in Keras
DEPLOYMENT = True  # measure each file in a fresh process as well: start-up, memory, text to probability
FRESH = False  # start over instead of going on with an interrupted training

RECIPES = {
    "thesis": {"KEEP_PAIRS": True, "COMMON_WORTH": 0.02, "EMBEDDING_START": "random", "USE_UNLABELLED": False, "VARIED": 0.0, "EPOCHS": 3},
    "posts": {"KEEP_PAIRS": True, "COMMON_WORTH": 0.02, "EPOCHS": 5, "VARIED": 0.0},
}


# %% Stage
def main(arguments: list[str] | None = None) -> None:
    """Run the stage; see the top of the file."""
    from pathlib import Path

    from sentipress.core import cli, folder

    settings = cli.settings(__file__, arguments)
    artifacts = Path(settings.artifacts)
    with folder.lock(artifacts, settings.stage):
        from sentipress.pipeline import chain_links

        links = chain_links.parse(settings.chain)

        from sentipress.pipeline.chain import Chain
        from sentipress.reporting import table

        # %% One link after the other, each published before the next one starts
        records = Chain(settings, links).run()
    before = None
    for record in records:
        accuracy = record["scores"]["accuracy"]["value"]
        whole = record["size"]["gzip_bytes"] + record["vocabulary"]["gzip_bytes"]
        change = "" if before is None else f" ({100 * (accuracy - before[0]):+.2f} points, {whole / before[1]:.2f} times the bytes)"
        print(f"{record['file']}: {accuracy:.2%}, {whole / 1024:,.1f} KB with vocabulary after gzip{change}")
        before = accuracy, whole
    print(f"try it: python predict.py --model {artifacts / records[-1]['file']} 'A wonderful film.'\n")
    table.make(artifacts)


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
