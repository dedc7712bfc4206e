"""A network on its way through the links of a chain: what each link does to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import chain
from types import SimpleNamespace
from typing import Any

import numpy as np

from sentipress.core import files, manifest
from sentipress.core.errors import UserError
from sentipress.core.history import History
from sentipress.core.quiet import quiet
from sentipress.evaluation import records
from sentipress.lstm import distillation, networks, pruning, rounding, shrinking, training
from sentipress.lstm.networks import ModelSpec
from sentipress.pipeline import chain_links, encoder_answers, teachers, workspace
from sentipress.pipeline.chain_links import Link
from sentipress.pipeline.workspace import Workspace
from sentipress.runtimes.keras_file import load_keras, predictor
from sentipress.text import embeddings
from sentipress.text.batching import counts_of, with_longer_again
from sentipress.text.tokenizer import OOV_ID, Tokenizer

SAMPLE = 2000  # training reviews whose features tell the worth of units
SPARSITY, INITIAL_SPARSITY = 0.8, 0.2  # the study's
ROUNDING_RATE = 0.25  # of the learning rate: the network is nearly there


class ChainNetwork:
    """Shape, weights and vocabulary of a network, changed by one link after the other.

    Attributes:
        base: what stage 2 saved.
        links: the chain, fitted to the base if it is the default one.
        space: the opened folder, with the vocabulary that the network has now.
        teaching: what the teachers say.
        spec: its shape now.
        weights: of its stock form now.
        inputs: the files that it was made from.
    """

    def __init__(self, settings: SimpleNamespace, links: list[Link]) -> None:
        """Open the run of stages 1 and 2, look the links over, and ask the teachers.

        Raises:
            UserError: see `Workspace.open`, `chain_links.check_name`, `chain_links.check_sizes` and `encoder_answers.consult`.
        """
        self._settings = settings
        self.space, self.base = Workspace.open(settings)
        # The default chain is made for a base of more words than a small one has; a chain that was asked for is as it is.
        self.links = links = links if "chain" in settings.flags else chain_links.capped(links, self.base.spec)
        self._whole = self.space.tokenizer
        self._started: tuple[str, ...] = ()
        self.spec, self.weights = self.base.spec, self.base.model.get_weights()
        if settings.start != workspace.BASE:
            self._start_from(settings.start)
        chain_links.check_name(settings.name, [settings.start, *teachers.choose(settings.teacher, self.space.folder)])
        # Where the embeddings of new students start; a chain without one needs no start.
        new = any(link.name in (chain_links.DISTIL, chain_links.TRAIN) and link.value for link in links)
        self._start = self.space.start(self._whole) if new else None
        chain_links.check_sizes(links, self.spec, self._start.vectors.shape[1] if self._start else None)
        self.teaching = teaching = encoder_answers.consult(self.space)
        logits = teaching.logits
        self._targets = distillation.targets_of(self.space.task, self.space.labels["train"], logits["train"], logits["unlabelled"])
        self._paired = self.space.reviews.paired()
        sentences = len(teaching.sentences)
        self._reading_rows = with_longer_again(len(self._targets), self._paired, settings.pair_times, sentences, settings.review_times)
        ids = {word: number for number, word in enumerate(self._whole.words, start=OOV_ID + 1)}
        # Ids of the base's vocabulary that are still there.
        self._rows = np.array([*range(OOV_ID + 1), *(ids[word] for word in self.space.tokenizer.words)])
        self.inputs = self.space.inputs(manifest.BASE.file, *self._started, *teaching.files, *(self.space.words() if new else ()))
        self._transfer_ids: np.ndarray | None = None

    def _start_from(self, name: str) -> None:
        """Take another Keras model of the folder in the base's place.

        Raises:
            UserError: it is missing, of another run, or no Keras model.
        """
        folder, remedy = self.space.folder, "run the stage that makes it"
        record = records.load(folder, name, remedy)
        if not str(record["file"]).endswith(".keras"):
            raise UserError(f"--start {name}: {record['file']} is no Keras model", "give the name of one, such as modelo_destilado")
        self.spec = ModelSpec(**record["model"])
        self.weights = load_keras(folder / record["file"], remedy).get_weights()
        self._started = (str(record["file"]),)
        if record["tokenizer"] != self.space.tokenizer_file:
            tokenizer = Tokenizer.load(folder / record["tokenizer"], remedy)
            self.space = self.space.with_tokenizer(tokenizer, record["tokenizer"])

    def stock(self) -> Any:
        """The network as it is now, in stock form."""
        return networks.stock_of(self.weights, self.spec)

    @property
    def paired_texts(self) -> dict[str, int]:
        """How many texts of edited pairs there are, and how often an epoch reads each."""
        return {"texts": len(self._paired), "times": self._settings.pair_times}

    def apply(self, link: Link, stem: str) -> tuple[dict[str, Any], str]:
        """Change the network; gives what was measured, and the link with the value that was used."""
        started = time.perf_counter()
        training_links = {chain_links.DISTIL: self._distil, chain_links.TRAIN: self._train, "prune": self._prune, "round": self._round}
        if link.name in training_links:
            return training_links[link.name](link, stem).measured(), str(link)
        step = {"vocabulary": self._vocabulary, "factorize": self._factorize, "units": self._units, "cluster": self._cluster}[link.name]
        value = step(link, stem)
        return {"seconds": {link.name: time.perf_counter() - started}}, f"{link.name}={value}"

    # Links that train

    def _data(self) -> tuple[np.ndarray, np.ndarray]:
        if self._transfer_ids is None:
            ids = self.space.training_ids_and(self.teaching.unlabelled)
            self._transfer_ids = self.space.store.taken(ids, self._reading_rows) if len(self._reading_rows) > len(ids) else ids
        return self._transfer_ids, distillation.sure_of_pairs(self.space.task, self._targets, self._paired)[self._reading_rows]

    def _taught_loss(self) -> Callable[[Any, Any], Any]:
        """What a link that trains the network on, wrapped or rounded, has of the teachers: `Distiller.loss`."""
        return distillation.Distiller.of(self._settings, "response", self.spec, None, self._targets).loss

    def _new_network(self, link: Link) -> np.ndarray | None:
        """Take the shape that a link asks for; gives where its embedding starts, float32 (words, columns)."""
        settings = self._settings
        columns, units = chain_links.shape_of(link.value)
        rates = {"dropout": settings.dropout, "spatial_dropout": settings.spatial_dropout}
        self.spec = ModelSpec(**{**self.spec.as_dict(), "embedding_dim": columns, "units": units, **rates})
        vectors = embeddings.table_of(self._start, settings, columns)
        return None if vectors is None else vectors[self._rows]

    def _train(self, link: Link, stem: str) -> History:
        """A new network by the labels alone, with as many words to read as a student has."""
        vectors = self._new_network(link)
        model = networks.build_for_training(self.spec)
        networks.start_embedding(model, vectors)
        labelled = self.space.labelled(self._settings.pair_times)
        epochs = training.labelled_epochs(self._settings.epochs, labelled[0], self._data()[0])
        patience = max(epochs, self._settings.patience)
        # By hard labels alone a network learns texts by heart in so many passes: its best epoch, whatever students end with.
        plan = training.plan_of(self._settings, bucketed=self.spec.masked, epochs=epochs, patience=patience, keep_best=True)
        history = self.space.train(model, stem, plan, self.inputs, labelled)
        self.weights = model.get_weights()
        return history

    def _distil(self, link: Link, stem: str) -> History:
        settings = self._settings
        vectors = self._new_network(link) if link.value else None
        distiller = distillation.Distiller.of(settings, "response", self.spec, vectors, self._targets)
        if not link.value:
            distiller.student.set_weights(self.weights)
        plan = training.plan_of(settings, bucketed=self.spec.masked)
        history = self.space.train(distiller.model, stem, plan, self.inputs, self._data(), loss=distiller.loss)
        self.weights = distiller.student.get_weights()
        return history

    def _prune(self, link: Link, stem: str) -> History:
        final = link.number()
        final = SPARSITY if final is None else final
        model = self.stock()
        plan = training.plan_of(self._settings, bucketed=self.spec.masked, patience=self._settings.epochs, keep_best=False)
        data = self._data()
        steps = training.steps_per_epoch(len(data[1]), plan) * plan.epochs
        wrapped = pruning.prunable_copy(model, self.spec, min(INITIAL_SPARSITY, final), final, steps)
        history = self.space.train(wrapped, stem, plan, self.inputs, data, loss=self._taught_loss(), callbacks=pruning.callbacks())
        self.weights = pruning.strip(wrapped).get_weights()
        return history

    def _round(self, link: Link, stem: str) -> History:
        """Bring the embedding to the values of 4 bits, and let the rest of the network fit them."""
        epochs = link.number() or chain_links.ROUNDING_EPOCHS
        model, scale = rounding.rounding_copy(self.weights, self.spec)
        rate = self._settings.learning_rate * ROUNDING_RATE
        plan = training.plan_of(self._settings, bucketed=self.spec.masked, epochs=epochs, patience=epochs, learning_rate=rate)
        history = self.space.train(model, stem, plan, self.inputs, self._data(), loss=self._taught_loss())
        self.weights = rounding.rounded(model.get_weights(), scale)
        return history

    # Links that change the shape

    def _vocabulary(self, link: Link, stem: str) -> int:
        reviews, whole = self.space.reviews, self.space.tokenizer
        if not self._settings.keep_pairs:
            whole, alone = shrinking.without_pairs(whole)
            self.weights, self.spec = shrinking.keep_rows(self.weights, self.spec, alone)
            self._rows = self._rows[alone]
        texts = reviews.texts("train")
        ratios = embeddings.log_count_ratios(texts, self.space.labels["train"], whole, reviews.task)
        read = (self.space.store.encoded(whole, each) for each in (texts, self.teaching.sentences))
        worth = shrinking.word_worth(chain.from_iterable(read), ratios, self._settings.common_worth)

        def make(size: int) -> tuple[list[np.ndarray], ModelSpec, np.ndarray]:
            kept, rows = shrinking.keep_words(whole, worth, size)
            weights, spec = shrinking.keep_rows(self.weights, self.spec, rows)
            return weights, spec, self.space.store.encoded(kept, reviews.texts("validation"))

        size = link.number() or self._smallest(self.spec.vocabulary_size, make)
        kept, rows = shrinking.keep_words(whole, worth, size)
        self.weights, self.spec = shrinking.keep_rows(self.weights, self.spec, rows)
        self._rows = self._rows[rows]
        # Named by its content: until the end of the chain the files of an earlier one stay whole.
        before, name = self.space.tokenizer_file, f"{stem}.{files.fingerprint(kept.words)[:8]}.tokenizer.json"
        kept.save(self.space.folder / name)
        self.space = self.space.with_tokenizer(kept, name)
        self.inputs = [path.with_name(name) if path.name == before else path for path in self.inputs]
        self._transfer_ids = None
        return len(rows)

    def _factorize(self, link: Link, stem: str) -> int:
        counts = counts_of(self.space.ids["train"], self.spec.vocabulary_size).astype(np.float64)
        counts[0] = 0
        return self._narrow(link, self.spec.embedding_dim, lambda rank: shrinking.factorize(self.weights, self.spec, rank, counts))

    def _units(self, link: Link, stem: str) -> int:
        features = teachers.features(self.stock(), self.spec, self.space.ids["train"][:SAMPLE], standardized=False)
        worth = shrinking.unit_worth(features, self.weights, self.spec)
        return self._narrow(link, self.spec.units, lambda units: shrinking.keep_units(self.weights, self.spec, worth, units))

    def _narrow(self, link: Link, whole: int, make: Callable[[int], tuple[list[np.ndarray], ModelSpec]]) -> int:
        """Take over what `make` gives for the link's value, or for the smallest one that validation allows."""
        ids = self.space.ids["validation"]
        size = link.number() or self._smallest(whole, lambda value: (*make(value), ids))
        self.weights, self.spec = make(size)
        return size

    def _cluster(self, link: Link, stem: str) -> int:
        clusters = link.number() or chain_links.CLUSTERS
        self.weights = shrinking.cluster(self.weights, self.spec, clusters)
        return clusters

    def _smallest(self, whole: int, make: Callable[[int], tuple[list[np.ndarray], ModelSpec, np.ndarray]]) -> int:
        """Smallest of `whole`, half of it, a quarter ... whose validation accuracy is at most `tolerance` lower, without training."""

        def accuracy(size: int) -> float:
            weights, spec, ids = make(size)
            with quiet():
                logits = predictor(networks.training_of(weights, spec), spec.masked)(ids)
            share = self.space.accuracy(self.space.task.shaped(logits))
            print(f"  {size}: {share:.2%} on validation")
            return share

        smallest, limit = whole, accuracy(whole) - self._settings.tolerance
        while smallest > 1 and accuracy(smallest // 2) >= limit:
            smallest //= 2
        return smallest
