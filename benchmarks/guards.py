"""Is every guard needed, and does its test see it go? Each is taken out of a copy of the project, and its test must fail.

Reads    the project's own code and tests (requirements-dev.txt)
Writes   nothing that stays; prints one line per guard; exit code 1 if a test passes without its guard
Command  python benchmarks/guards.py [--only lock] [--quick]
"""

import sys
from pathlib import Path

project = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(project))

# %% Settings: edit here, or pass as flags
ONLY = None  # name of one guard, to try that one alone
QUICK = False  # leave out those whose tests run all stages first, two minutes each

# %% Guards: name, file, what stands there, what stands there without the guard, test that must then fail
reviews, bad = "sentipress/data/sources.py", "tests/test_reviews.py::test_bad_input_is_one_line_and_exit_code_2"
archive = "tests/test_reviews.py::test_hostile_and_damaged_archives_are_refused"
quick = (
    ("missing CSV", reviews, "if not data.is_file():", "if False:", "tests/test_reviews.py::test_a_missing_file_and_nul_bytes"),
    ("empty CSV", reviews, "except pd.errors.EmptyDataError:", "except ZeroDivisionError:", f"{bad}[empty]"),
    ("header only", reviews, "if frame.empty:", "if False:", f"{bad}[header_only]"),
    ("renamed column", reviews, "if header.count(column) != 1:", "if header.count(column) > 1:", f"{bad}[renamed]"),
    ("repeated column", reviews, "if header.count(column) != 1:", "if column not in header:", f"{bad}[repeated]"),
    ("unknown label", reviews, "if numbers.isna().any():", "if False:", f"{bad}[label]"),
    ("missing label", reviews, "if numbers.isna().any():", "if False:", f"{bad}[no_label]"),
    ("one class", reviews, "if numbers.nunique() < 2:", "if False:", f"{bad}[one_class]"),
    ("blank review", reviews, "if blank.any():", "if False:", f"{bad}[blank]"),
    ("invalid UTF-8", reviews, 'encoding_errors="strict"', 'encoding_errors="replace"', f"{bad}[latin1]"),
    ("open quote", reviews, "except pd.errors.ParserError as error:", "except ZeroDivisionError as error:", f"{bad}[open_quote]"),
    ("too few rows", "sentipress/data/corpus.py", "if len(frame) < MINIMUM_REVIEWS:", "if False:", f"{bad}[few]"),
    ("empty after cleaning", "sentipress/data/corpus.py", "if len(frame) < MINIMUM_REVIEWS:", "if False:", f"{bad}[cleaned_away]"),
    ("10 MB review", "sentipress/data/corpus.py", "if longest > REVIEW_LIMIT_CHARACTERS:", "if False:", f"{bad}[long]"),
    (
        *("NUL bytes", reviews, '"review": texts.str.replace("\\x00", " ")', '"review": texts'),
        "tests/test_reviews.py::test_a_missing_file_and_nul_bytes",
    ),
    (
        *("spellings of labels", reviews, "labels.str.strip().str.lower().map", "labels.map"),
        "tests/test_reviews.py::test_other_spellings_bom_and_windows_line_ends",
    ),
    (
        *("reviews like NA", reviews, "keep_default_na=False", "keep_default_na=True"),
        "tests/test_reviews.py::test_words_that_pandas_takes_for_missing_are_reviews",
    ),
    (
        *("cut compressed CSV", reviews, "except (OSError, EOFError, ValueError, RuntimeError, *_ARCHIVE_ERRORS)"),
        *("except (ValueError, RuntimeError)", "tests/test_reviews.py::test_a_truncated_compressed_file_is_refused"),
    ),
    ("../ in an archive", reviews, ' or ".." in path.parts', "", f"{archive}[dotdot]"),
    ("absolute path in an archive", reviews, " or path.is_absolute()", "", f"{archive}[absolute]"),
    ("link in an archive", reviews, "not (member.isfile() or member.isdir()) or ", "", f"{archive}[link]"),
    ("archive without reviews", reviews, "if not labelled:", "if False:", f"{archive}[foreign]"),
    ("cut archive", reviews, "except (tarfile.TarError, EOFError, OSError,", "except (", f"{archive}[cut]"),
    (
        *("another checksum", reviews, "if found != checksum:", "if False:"),
        "tests/test_reviews.py::test_another_checksum_is_refused_and_nothing_is_unpacked",
    ),
    (
        *("download cut off", reviews, "if total is not None and part.stat().st_size != total:", "if False:"),
        "tests/test_reviews.py::test_a_download_that_breaks_off_is_resumed",
    ),
    (
        *("download resumed", reviews, 'headers={"Range": f"bytes={have}-"} if have else {}', "headers={}"),
        "tests/test_reviews.py::test_a_download_that_breaks_off_is_resumed",
    ),
    (
        *("download started over", reviews, '"ab" if resumed else "wb"', '"ab"'),
        "tests/test_reviews.py::test_a_download_that_the_server_cannot_resume_starts_over",
    ),
    (
        *("a person's own CSV", reviews, "if path.is_file() and path.read_bytes() != content:", "if False:"),
        "tests/test_reviews.py::test_a_persons_own_csv_is_not_overwritten",
    ),
    (
        *("absurd constant", "sentipress/core/cli.py", "if not low <= value <= high:", "if False:"),
        "tests/test_stages.py::test_an_absurd_constant_is_refused",
    ),
    (
        *("half-written files swept", "sentipress/core/files.py", "        left.unlink(missing_ok=True)", "        pass"),
        "tests/test_stages.py::test_a_killed_write_leaves_nothing_behind",
    ),
    (
        *("a folder that is a file", "sentipress/core/errors.py", "if error.filename is None and error.errno not in _DISK:", "if True:"),
        "tests/test_stages.py::test_an_artifacts_path_that_is_a_file",
    ),
    (
        *("code in a .keras file", "sentipress/lstm/networks.py", "safe_mode=True", "safe_mode=False"),
        "tests/test_models.py::test_saved_files_are_equal_safe_and_small",
    ),
    (
        *("checkpoint of other settings", "sentipress/lstm/training.py", 'if str(saved["key"]) != key:', "if False:"),
        "tests/test_models.py::test_a_checkpoint_of_other_settings_or_damaged_is_not_used",
    ),
    (
        *(
            "damaged checkpoint",
            "sentipress/lstm/training.py",
            "    except Exception as error:  # zipfile",
            "    except ZeroDivisionError as error:  # zipfile",
        ),
        "tests/test_models.py::test_a_checkpoint_of_other_settings_or_damaged_is_not_used",
    ),
    (
        *("same weights after a break", "sentipress/lstm/training.py", "        _reseed(model, plan.seed, epoch)\n", ""),
        "tests/test_models.py::test_interrupted_and_whole_training_end_with_the_same_weights",
    ),
    (
        *(
            "optimizer state after a break",
            "sentipress/lstm/training.py",
            '        variable.assign(content[f"optimizer_{number}"])',
            "        pass",
        ),
        "tests/test_models.py::test_interrupted_and_whole_training_end_with_the_same_weights",
    ),
    (
        *(
            "the log after the last checkpoint",
            "sentipress/lstm/training.py",
            "            watch(history.epochs)\n    for epoch",
            "            pass\n    for epoch",
        ),
        "tests/test_models.py::test_a_kill_between_checkpoint_and_log_leaves_no_epoch_unlogged",
    ),
    (
        *("a loss that is no number", "sentipress/lstm/training.py", 'if not math.isfinite(record["loss"]) or', "if False and"),
        "tests/test_models.py::test_a_loss_that_is_no_number_is_one_clear_line",
    ),
    (
        *(
            "only words after cleaning",
            "sentipress/data/cleaning.py",
            """_NOT_WORDS = re.compile(r"[^\\w']+")""",
            """_NOT_WORDS = re.compile(r"[^\\w'.]+")""",
        ),
        "tests/test_faults.py::test_any_text_is_cleaned_numbered_and_padded",
    ),
    (
        *("memory of stage 1", "sentipress/evaluation/exploration.py", "(len(text.split()) for text in texts)"),
        "(len(words) for words in [text.split() for text in texts])",
        "tests/test_faults.py::test_memory_grows_by_the_text_and_little_more",
    ),
    (
        *("lock", "sentipress/core/files.py", "            _lock_stream(stream)\n", "            pass\n"),
        "tests/test_faults.py::test_of_two_runs_at_once_one_is_refused_and_the_other_is_whole",
    ),
)
# The tests of these run all stages first.
packed = "tests/test_combination.py::test_a_damaged_pocket_model_is_one_line"
slow = (
    ("schema of a pocket model", "sentipress/runtimes/pocket.py", 'if about["schema"] != SCHEMA:', "if False:", f"{packed}[schema]"),
    ("a pocket model that is a zip bomb", "sentipress/runtimes/pocket.py", ".file_size > LIMIT_BYTES", ".file_size < 0", f"{packed}[bomb]"),
    (
        *(
            "vocabulary of a pocket model",
            "sentipress/runtimes/pocket.py",
            "if not 0 <= shared <= min(LONGEST_PREFIX, len(before)):",
            "if False:",
        ),
        f"{packed}[prefix]",
    ),
    (
        *("probabilities from elsewhere", "sentipress/pipeline/teachers.py", "if values.shape != (expected[split],) or not ("),
        *("if not (", "tests/test_distillation.py::test_a_teacher_of_another_folder_and_a_file_of_probabilities"),
    ),
    (
        *("teacher's answers to other reviews", "sentipress/pipeline/teachers.py", 'if str(content["key"]) == key:', "if True:"),
        "tests/test_distillation.py::test_teachers_are_asked_once_and_averaged",
    ),
    (
        *("a search that was killed", "sentipress/pipeline/search.py", "if tune.Tuner.can_restore(str(place)):", "if False:"),
        "tests/test_search.py::test_a_killed_search_goes_on_and_repeats_no_finished_trial",
    ),
    (
        *(
            "atomic writes",
            "sentipress/core/files.py",
            "        yield temporary\n",
            "        yield path\n        temporary.write_bytes(path.read_bytes())\n",
        ),
        "tests/test_faults.py::test_a_write_that_fails_half_way_loses_nothing",
    ),
    (
        *("full disk", "sentipress/core/errors.py", "errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS", ""),
        "tests/test_faults.py::test_a_write_that_fails_half_way_loses_nothing",
    ),
    (
        *("read-only folder", "sentipress/core/errors.py", "except OSError as error:", "except ZeroDivisionError as error:"),
        "tests/test_faults.py::test_a_folder_that_cannot_be_written_is_one_line",
    ),
    (
        *("older schema", "sentipress/core/files.py", 'or content.get("schema") != schema:', "or False:"),
        "tests/test_faults.py::test_a_json_of_an_older_schema_names_the_command_that_makes_it_anew",
    ),
    (
        *("seeded order of reviews", "sentipress/lstm/training.py", "np.random.default_rng([plan.seed, epoch])", "np.random.default_rng()"),
        "tests/test_faults.py::test_a_seed_gives_the_same_bytes_and_another_seed_others",
    ),
    (
        *("stale rows", "sentipress/evaluation/records.py", "elif sha256(path) != expected:", "elif False:"),
        "tests/test_faults.py::test_one_flipped_byte_of_any_model_shows_in_the_table",
    ),
    (
        *("artifacts of another run", "sentipress/evaluation/records.py", "    if changed:\n", "    if False:\n"),
        "tests/test_stages.py::test_a_tokenizer_of_another_run_is_refused",
    ),
    (
        *("changed reviews.csv", "sentipress/data/corpus.py", 'if files.sha256(path) != description["sha256"]:', "if False:"),
        "tests/test_stages.py::test_damaged_artifacts_are_refused_by_name",
    ),
)


def main(arguments: list[str] | None = None) -> None:
    """Try each guard; see the top of the file."""
    import os
    import shutil
    import subprocess
    import tempfile
    import time

    from sentipress.core import cli
    from sentipress.core.errors import UserError

    settings = cli.settings(__file__, arguments)
    guards = quick if settings.quick else quick + slow
    chosen = [guard for guard in guards if settings.only in (None, guard[0])]
    if not chosen:
        raise UserError(f"--only {settings.only} is unknown", f"give one of {', '.join(guard[0] for guard in guards)}")
    unseen = []
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "project"
        shutil.copytree(project, copy, ignore=shutil.ignore_patterns(".*", "artifacts", "data", "node_modules", "results"))
        environment = {**os.environ, "SENTIPRESS_KILLS": "10", "PYTHONDONTWRITEBYTECODE": "1"}
        for name, file, guard, without, test in chosen:
            source = (copy / file).read_text(encoding="utf-8")
            if source.count(guard) != 1:
                raise UserError(
                    f"the guard {name!r} stands {source.count(guard)} times in {file}", "correct the table in benchmarks/guards.py"
                )
            (copy / file).write_text(source.replace(guard, without), encoding="utf-8")
            started = time.perf_counter()
            command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test]
            code = subprocess.run(command, cwd=copy, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
            (copy / file).write_text(source, encoding="utf-8")
            # 1: tests failed; 0: all passed; others: the test is not there, or pytest broke.
            verdict = {1: "its test fails without it", 0: "NOT SEEN: its test passes without it"}.get(
                code, f"NOT TRIED: pytest ends with {code}"
            )
            unseen += [] if code == 1 else [name]
            print(f"{name}: {verdict} ({test.split('::')[1]}, {time.perf_counter() - started:.0f} s)", flush=True)
    print(f"{len(chosen) - len(unseen)} of {len(chosen)} guards are seen to be needed")
    if unseen:
        raise SystemExit(1)


if __name__ == "__main__":
    from sentipress.core.errors import exit_code

    raise SystemExit(exit_code(main))
