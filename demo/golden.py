"""Golden vectors for the page's test: texts with the ids, shares of known words and probabilities that Python gives them.

Every cleaning recipe reads two sets: real texts, and texts of many alphabets with chance mixtures of them. Bags of words of
every kind, with weights by chance, score both.

Reads    the models that demo/build.py takes, with their .metrics.json; raw texts (--data, or data/IMDB Dataset.csv, or the bundled
         reviews)
Writes   demo/golden/metadata-<recipe>-<set>.json, ids-<recipe>-<set>.json, scores.json; bag-<number>.zip, bags.json
Command  python demo/golden.py [--artifacts FOLDER[,FOLDER]] [--data FILE], or make demo-test, which runs the test too
"""

from pathlib import Path

from sentipress.core.errors import exit_code

ARTIFACTS = None  # folders of the stages, with commas between; by default artifacts/, or the published models if it has none
DATA = None  # CSV of raw texts; by default data/IMDB Dataset.csv, else the bundled package
TEXT_COLUMN = "review"  # its column of texts
TARGET = "demo/golden"  # folder for the vectors
TEXTS = 10_000  # [1, 1000000] real texts whose ids are compared
SCORED = 500  # [1, 1000000] of these, the texts that every model and every bag of words scores
MIXTURES = 3_000  # [0, 1000000] texts of many alphabets by chance
VOCABULARY = 20_000  # [10, 1000000] words of the tokenizers that are fitted here
LENGTH = 170  # [1, 4096] words of a text that they keep: the study's

# Where texts are filled up and cut.
ENDS = ({"padding": "post", "truncating": "pre"}, {"padding": "pre", "truncating": "post"})
# Bags of words by chance: recipe, labels, bits, link, words of the longest term.
BAGS = (
    ("default", ("negative", "positive"), 8, "one-vs-rest", 2),
    ("thesis", ("Ham", "Spam"), 4, "softmax", 1),
    ("posts", ("world", "sports", "business"), 8, "one-vs-rest", 2),
    ("default", ("world", "sports", "business"), 4, "one-vs-rest", 3),
    ("default", ("a", "b", "c", "d", "e"), 8, "softmax", 2),
    ("posts", ("a", "b", "c"), 4, "softmax", 3),
)
LINES = ("", " ", "\r\n", "a good\r\nfilm\rnot\ngood", "constructor constructor __proto__ valueOf", "not not not not good", "good\0film")

ALPHABETS = (
    "Ёлки-палки, какой ПРЕКРАСНЫЙ фильм!!!! Не пойду больше никогда :)))))) и\u0306од",  # a letter of two code points
    "ΟΔΥΣΣΕΥΣ, ΤΗΣ Σ. ΣΊΣΥΦΟΣ Α\u0301Σ' ὈΔΥΣΣΕΎΣ ήταν υπέροχη ταινία;",
    "यह फ़िल्म बहुत अच्छी थी। हिन्दी में क्षत्रिय, किताबें पढ़ी — १२३",
    "หนังเรื่องนี้ดีมากครับ ๕๕๕ ชอบ film น้ำ ฯลฯ",
    "这部电影非常好看，我很喜欢！2019年 iPhone版 𠮷野家",
    "とても面白い映画でした。パパは「ヴァイオリン」・データ カ\u3099ラス ﾊﾝｶｸ",
    "정말 재미있는 영화 ㅋㅋㅋㅋㅋ 한글",
    "İSTANBUL'DA IĞDIR'ın ışığı çok güzeldi, ĞÜŞİÖÇ ağaçlarından geliyorlarmış",
    "فيلم رائِعٌ جِدًّا، شاهدته ٣ مرات! می\u200cخواهم",
    'סֶרֶט נִפְלָא ביותר, צה"ל ב־2020',
    "ខ្មែរ ភាសា ເຮືອນ မြန်မာ ཤོག་བུ தமிழ் ಕನ್ನಡ বাংলা",
    "Straße STRASSE ẞ ﬁnancial ﬂight ÅNGSTRÖM naïve co-operate re\u0301sume\u0301 Z\u0351\u036f\u0321algo",
    "❤️ ❤ 👍🏽👍🏽👍🏽👍🏽👍🏽 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇩🇪 ☺︎ ☺️☺️☺️☺️ 1️⃣ #️⃣ ✨✨✨✨✨✨",
    ":) :-) :))))))) ;-( <3 <333 </3 XD ^_^ ¯\\_(ツ)_/¯ ????!!!!....,,,, 10/10 5<6>4 --- *** ~~~~",
    "A <b>BOLD</b><br /><br/>word < b> <IMG SRC='x'> <never closed <!-- note --> a<b>c 1 < 2 > 0 <1> &amp; <p\nclass=x>",
    "it's 'quoted' rock'n'roll _under_ snake_case_name ''_'' don't'_ 'tis __init__ abcde'_fghi abcdef'ghi",
    "constructor __proto__ toString hasOwnProperty 𐐀𐐁𐐂𐐃𐐄𐐅𐐆𐐇 ２０２０ ⅷ ² ٣ ʰ ꟊ Ǆ ǅ",
    "\x00\x1c\x85\xa0\u2028\u200b\ufeff\u3000\u180e a\x1db\x00c \ud800 \U000e0041",
)


def mixtures(count: int, seed: int = 1) -> list[str]:
    """Texts of characters and words that follow each other nowhere else, from all alphabets and from all of Unicode."""
    import random

    chance = random.Random(seed)
    words = [word for text in ALPHABETS for word in text.split()]
    characters = [*dict.fromkeys("".join(ALPHABETS)), *"<>/b!'_ \u0301\u200d\ufe0f"]

    def piece() -> str:
        kind = chance.random()
        if kind < 0.3:
            return chance.choice(words) + chance.choice(("", " ", " "))
        if kind < 0.7:
            return chance.choice(characters) * chance.choice((1, 1, 1, 2, 3, 4, 9))
        if kind < 0.8:
            return chance.choice(("<", "</", "<b", "<B r", ">", "/>", " ", "Σ", "İ", "'Σ"))
        return chr(
            chance.choice((chance.randrange(0x250), chance.randrange(0x3000), chance.randrange(0xD800), chance.randrange(0xE000, 0x30000)))
        )

    return ["".join(piece() for _ in range(chance.randrange(30))) for _ in range(count)]


def save_bag(path: Path, cleaned: list[str], number: int) -> None:
    """Write a bag of words of `BAGS` that knows nine in ten of the terms of cleaned texts."""
    import re

    import numpy as np

    from sentipress.data.task import Task
    from sentipress.linear.bag_of_words import LinearModel, terms_of
    from sentipress.runtimes import packed_words

    recipe, labels, bits, link, longest = BAGS[number]
    # A file holds its terms as UTF-8, which has no half of a character.
    terms = sorted({term for text in cleaned for term in terms_of(text, longest) if not re.search("[\ud800-\udfff]", term)})
    chance = np.random.default_rng(number)
    known = tuple(np.array(terms, object)[chance.random(len(terms)) < 0.9])
    outputs = Task(labels).outputs
    weights, bias = chance.normal(0, 0.1, (len(known), outputs)).astype(np.float16), chance.normal(0, 0.1, outputs).astype(np.float32)
    packed_words.save(path, LinearModel(known, weights, None, bias, longest, recipe, labels, link), bits)


def main(arguments: list[str] | None = None) -> None:
    """Write the vectors; see the top of the file."""
    from collections import Counter
    from dataclasses import replace
    from itertools import pairwise

    import numpy as np

    from sentipress.browser import offered, rules
    from sentipress.core import cli, files
    from sentipress.core.quiet import quiet_exit
    from sentipress.data import cleaning, sources
    from sentipress.data.task import SENTIMENT_LABELS, Task
    from sentipress.runtimes import packed_words, registry
    from sentipress.text.tokenizer import Tokenizer, text_words

    settings = cli.settings(__file__, arguments)
    target = Path(settings.target)
    # Encoders have a test of their own (demo/encoder_golden.py).
    models = [one for one in offered.models(offered.named(settings.artifacts)) if one.about["kind"] != offered.ENCODER]
    data = sources.find(Path(settings.data) if settings.data else None, Path("data"))
    raw = sources.read_unlabelled(data, settings.text_column) if data else sources.read_bundled()["review"]
    texts = raw.sample(min(settings.texts, len(raw)), random_state=0).tolist()
    mixed = [*ALPHABETS, *mixtures(settings.mixtures)]
    written: list[str] = []

    def write(name: str, tokenizer: Tokenizer, some: list[str]) -> None:
        files.write_text(target / f"metadata-{name}.json", rules.compact(rules.reading(tokenizer, SENTIMENT_LABELS)))
        files.write_text(target / f"ids-{name}.json", rules.compact(rules.vectors(tokenizer, some)))
        written.append(name)
        print(f"{len(some):,} texts encoded: {name}")

    for number, recipe in enumerate(cleaning.WORD_RECIPES):
        # Padded and cut now at this end, now at that.
        rows, others = ENDS if number % 2 else ENDS[::-1]
        kept = {"sequence_length": settings.length, "cleaning": recipe}
        fitted = Tokenizer.fit([cleaning.clean(text, recipe) for text in texts], settings.vocabulary, **kept, **rows)
        write(f"{recipe}-texts", fitted, texts)
        # Of many alphabets nearly every word has an id, so that no difference hides behind the unknown word.
        cleaned = [cleaning.clean(text, recipe) for text in mixed]
        pairs = Counter(pair for text in cleaned for pair in pairwise(text_words(text))).most_common(2000)
        common = Tokenizer.fit(cleaned, 1_000_000, [" ".join(pair) for pair, _ in pairs], **kept, **others)
        write(f"{recipe}-alphabets", replace(common, words=common.words[: len(common.words) * 9 // 10]), mixed)

    scored = texts[: settings.scored]
    quiet_exit()
    models_scores = {}
    for one in models:
        model = registry.open_model(one.path, remedy="run python demo/golden.py again")
        cleaned = [cleaning.clean(text, model.cleaning) for text in scored]
        probabilities = model.predict(model.prepare(cleaned))
        scores = {"probabilities": model.task.table(probabilities).tolist(), "known_share": list(map(model.known_share, cleaned))}
        models_scores[one.about["id"]] = scores
        counts = zip(np.bincount(model.task.decide(probabilities), minlength=len(one.labels)), one.labels, strict=True)
        print(f"{one.about['id']}: {len(scored):,} texts scored; {', '.join(f'{count:,} {label}' for count, label in counts)}")
    files.write_text(target / "scores.json", rules.compact({"vectors": written, "texts": scored, "models": models_scores}))

    some, bags = [*LINES, *mixed, *scored], []
    for number, (recipe, names, *_) in enumerate(BAGS):
        cleaned = [cleaning.clean(text, recipe) for text in some]
        file = f"bag-{number}.zip"
        save_bag(target / file, cleaned, number)
        words = packed_words.PackedWords(target / file, "")
        scores = {"probabilities": Task(names).table(words.predict(cleaned)).tolist(), "known_share": list(map(words.known_share, cleaned))}
        bags.append({"file": file, "recipe": recipe, "labels": names, "sha256": files.sha256(target / file), **scores})
    files.write_text(target / "bags.json", rules.compact({"texts": some, "bags": bags}))
    print(f"{len(some):,} texts scored by {len(bags)} bags of words of {', '.join(str(len(one['labels'])) for one in bags)} labels")
    print(f"wrote {settings.target}")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
