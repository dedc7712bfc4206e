"""Asking the models of a folder anew whether they read, as after a change of the behaviour cases or of the reading sets."""

from __future__ import annotations

from pathlib import Path

from sentipress.core import files, folder, manifest
from sentipress.data import corpus
from sentipress.evaluation import comprehension, records
from sentipress.runtimes import registry


def ask(artifacts: Path) -> list[str]:
    """Write the block `reading` of every metrics file anew; nothing else in it changes. Gives the names of the models.

    Raises:
        UserError: the folder has no texts, or a model file is missing or damaged. Metrics that cannot be read are left alone.
    """
    with folder.lock(artifacts, "compare.py"):
        reviews, asked = corpus.load(artifacts), []
        sets, english = reviews.reading(), comprehension.are_english(reviews)
        for record in records.readable(artifacts):
            model = registry.open_model(artifacts / record["file"], remedy=manifest.run(record["stage"], artifacts))
            record.pop("reading", None)
            record["inputs"].pop(manifest.READING, None)
            found = comprehension.judge(model, sets, english)
            if found:
                record["reading"] = found
            if sets:
                record["inputs"][manifest.READING] = files.sha256(artifacts / manifest.READING)
            files.write_json(records.metrics_path(artifacts, record["name"]), record)
            asked.append(str(record["name"]))
    return asked
