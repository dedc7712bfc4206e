"""Milliseconds from `import sentipress` to the first answer, in fresh processes, beside those of `import numpy` alone.

Reads    MODELS
Writes   nothing; prints a line for each model
Command  python benchmarks/opening.py [--models results/make/pocket.zip,results/make/packed_11900.zip]
"""

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags
MODELS = "results/make/pocket.zip,results/make/packed_11900.zip"  # model files
ROUNDS = 15  # [1, 1000] fresh processes for each model, in turns with those that only import NumPy


def timed(program: str) -> str:
    """The program, which tells how many seconds it took."""
    return f"import time; started = time.perf_counter(); {program}; print(time.perf_counter() - started)"


def main(arguments: list[str] | None = None) -> None:
    """Start processes in turns, print medians."""
    import statistics
    import subprocess
    import sys

    from sentipress.core import cli

    settings = cli.settings(__file__, arguments)
    models = settings.models.split(",")
    programs = {model: f"import sentipress; sentipress.load({model!r})(['A fine film.'])" for model in models}
    programs["import numpy"] = "import numpy"
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(settings.rounds):
        for name, program in programs.items():
            command = [sys.executable, "-c", timed(program)]
            seconds[name].append(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    for name, all_seconds in seconds.items():
        ratio = statistics.median(mine / numpy for mine, numpy in zip(all_seconds, seconds["import numpy"], strict=True))
        least, middle, most = (1000 * number for number in (min(all_seconds), statistics.median(all_seconds), max(all_seconds)))
        print(f"{name}: median {middle:.0f} ms ({least:.0f} to {most:.0f}), {ratio:.2f} times an import of NumPy")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
