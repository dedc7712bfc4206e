"""Running a chain of compressions on one artifacts folder, each link measured like a model of any other stage."""

from __future__ import annotations

import re
import shutil
from types import SimpleNamespace
from typing import Any

from sentipress.core import manifest
from sentipress.core.backend import deterministic
from sentipress.core.manifest import Row
from sentipress.pipeline import chain_links
from sentipress.pipeline.chain_links import Link
from sentipress.pipeline.chain_network import ChainNetwork
from sentipress.pipeline.published import Published
from sentipress.pipeline.publisher import Publisher

ORDER = 70  # of the first link's row


class Chain:
    """The links of a chain, one after the other on one network."""

    def __init__(self, settings: SimpleNamespace, links: list[Link]) -> None:
        """Open the run of stages 1 and 2; see `ChainNetwork`."""
        self._settings = settings
        self._network = ChainNetwork(settings, links)

    def run(self) -> list[dict[str, Any]]:
        """Apply and measure each link; the files of a link are in place before the next one starts.

        Returns:
            The metrics records.
        """
        network, written = self._network, list[dict[str, Any]]()
        for number, link in enumerate(network.links, start=1):
            deterministic(self._settings.seed)
            model = self._publish(number, link, written)
            model.measured.update(chain=self._settings.chain, teachers=list(network.teaching.names))
            names, sentences = {one.name for one in network.links[:number]}, network.teaching.about_sentences()
            model.measured.update(learned_from(names, sentences, network.paired_texts))
            written += Publisher(network.space).finish([model], network.base.runtime)
        self._remove_others(written)
        network.space.remove_checkpoints()
        return written

    def rehearse(self) -> list[dict[str, float]]:
        """Apply the links that change the network and publish nothing; gives the epochs of the last training.

        What it wrote is deleted. No test text is scored.
        """
        network, epochs = self._network, list[dict[str, float]]()
        for number, link in enumerate(network.links, start=1):
            if link.name in chain_links.NETWORK:
                deterministic(self._settings.seed)
                stem = f"{self._settings.name}_{number}_{link.name}"
                epochs = network.apply(link, stem)[0].get("history", epochs)
                shutil.rmtree(network.space.folder / "logs" / stem, ignore_errors=True)
        self._remove_others([])
        network.space.remove_checkpoints()
        return epochs

    def _publish(self, number: int, link: Link, written: list[dict[str, Any]]) -> Published:
        """Apply a link, save what it gives, and score that.

        Args:
            number: of the link, from 1.
            link: the link.
            written: records of the links before.
        """
        network, name, order = self._network, self._settings.name, ORDER + number
        stem = f"{name}_{number}_{link.name}"
        earlier = [network.space.folder / record["file"] for record in written[-1:]]
        if link.name == chain_links.PACK:
            row = Row(name, ".zip", order, f"{name.capitalize()} model, packed with its vocabulary", "high")
            shared = {key: written[-1][key] for key in ("parameters", "model", "number_format")}
            return Publisher(network.space).pocket(earlier[0], row, [*network.inputs, *earlier], {**shared, "seconds": {}})
        if link.name in chain_links.FORMATS:
            row = Row(stem, ".tflite", order, f"{name.capitalize()} {number}: {link}", "high")
            inputs = [*network.inputs, *earlier]
            return Publisher(network.space).tflite(network.stock(), network.spec, chain_links.FORMATS[link.name], row, inputs)
        measured, shown = network.apply(link, stem)
        row = Row(stem, ".keras", order, f"{name.capitalize()} {number}: {shown}", "high")
        # A link may have changed the vocabulary, and with it the workspace: asked for only now.
        return Publisher(network.space).keras(network.stock(), network.spec, row, network.inputs, measured)

    def _remove_others(self, written: list[dict[str, Any]]) -> None:
        """Delete what an earlier chain of the same name left: its rows would stand in the table."""
        keep = {str(record[key]) for record in written for key in ("file", "tokenizer")}
        keep |= {f"{record['name']}{end}" for record in written for end in (manifest.METRICS, manifest.PROBABILITIES)}
        for path in self._network.space.folder.iterdir():
            if is_of_chain(path.name, self._settings.name) and path.name not in keep:
                path.unlink()


def is_of_chain(file: str, name: str) -> bool:
    """Whether a file's name is one that a chain of some name writes."""
    links = "|".join((*chain_links.NETWORK, *chain_links.FORMATS))
    own = rf"{re.escape(name)}_\d+_({links})\..+|{re.escape(name)}\.(zip|metrics\.json|probabilities\.npz)"
    return re.fullmatch(own, file) is not None


def learned_from(links: set[str], sentences: dict[str, Any], pairs: dict[str, int]) -> dict[str, Any]:
    """What the metrics say of sentences and of edited pairs, if links of these names have learned from them.

    Args:
        links: names of the links so far.
        sentences: what is to be known of them: `answers` of an encoder, sentences `by_rule`; empty if there are none.
        pairs: how many texts of pairs there are, and how often an epoch reads each.
    """
    taught, trained = links & chain_links.TAUGHT, links & {*chain_links.TAUGHT, chain_links.TRAIN}
    return {**(sentences if taught else {}), **({"paired_texts": pairs} if pairs["texts"] and trained else {})}
