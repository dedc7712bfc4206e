"""Make the comparison table from the metrics files alone, at any time and in a second; or bring every row up to date first.

Reads    artifacts/*.metrics.json
Writes   artifacts/comparison.md, comparison.csv, comparison.tex, figures/comparison.png; prints the table.
         With --refresh: whatever the stages write that are missing or stale. With --ask: what the metrics say of reading.
         With --cards: FOLDER/<model>.card.md alone
Command  python compare.py [--artifacts FOLDER] [--refresh] [--ask] [--publish FOLDER]
         python compare.py --cards FOLDER
"""

from sentipress.core.errors import exit_code

ARTIFACTS = "artifacts"  # folder that the stages share
REFRESH = False  # run every stage that is missing or stale, in order, with the flags of its earlier run
ASK = False  # ask every model the behaviour cases and the reading sets anew, as after a change of either
PUBLISH = None  # folder to which metrics, tables, pictures and packed models are copied, other models left out
ONLY_FIGURES = False  # with PUBLISH: copy metrics and tables alone, for texts whose licence forbids more
CARDS = None  # folder that was published: write the cards of its packed models again, and nothing else


def main(arguments: list[str] | None = None) -> None:
    """Print and write the table; see the top of the file."""
    from pathlib import Path

    from sentipress.core import cli
    from sentipress.reporting import cards, table

    settings = cli.settings(__file__, arguments)
    if settings.cards:
        print("wrote " + ", ".join(map(str, cards.write(Path(settings.cards)))))
        return
    folder = Path(settings.artifacts)
    if settings.refresh:
        from sentipress.pipeline import refresh

        lines = refresh.refresh(folder)
        print(f"runs that were due: {len(lines)}" if lines else "every row is current")
    if settings.ask:
        from sentipress.pipeline import asking

        print(f"asked {', '.join(asking.ask(folder))}")
    if settings.publish:
        table.publish(folder, Path(settings.publish), only_figures=settings.only_figures)
    else:
        table.make(folder)


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
