"""Is every guard needed, and does its test see it go? Each is taken out of a copy of the project, and its test must fail.

Reads    the project's own code and tests (requirements-dev.txt)
Writes   nothing that stays; prints one line per guard; exit code 1 if a test passes without its guard
Command  python benchmarks/guards.py [--only lock] [--quick]
"""

import sys
from pathlib import Path
from typing import NamedTuple

project = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(project))

# %% Settings: edit here, or pass as flags
ONLY = None  # name of one guard, to try that one alone
QUICK = False  # leave out those whose tests run all stages first, a minute or two each


class Guard(NamedTuple):
    """A line that keeps something from going wrong.

    Attributes:
        name: what it guards against, or what it keeps.
        file: where it stands.
        line: what stands there, once in the file.
        without: what stands there without the guard.
        test: file and name of the test that must then fail.
    """

    name: str
    file: str
    line: str
    without: str
    test: str


# %% Files and tests that several guards share
formats, checking, making = (f"sentipress/data/{name}.py" for name in ("formats", "checking", "corpus_making"))
encoder_space, finetuning = "sentipress/pipeline/encoder_space.py", "sentipress/transformer/finetuning.py"
sources, corpus, cli, folder = (f"sentipress/{name}.py" for name in ("data/sources", "data/corpus", "core/cli", "core/folder"))
errors, files, cleaning = (f"sentipress/{name}.py" for name in ("core/errors", "core/files", "data/cleaning"))
training, pocket, teachers = (f"sentipress/{name}.py" for name in ("lstm/training", "runtimes/pocket", "pipeline/teachers"))
records = "sentipress/evaluation/records.py"
bad = "tests/test_reviews.py::test_bad_input_is_one_line_and_exit_code_2"
labels = "tests/test_reviews.py::test_bad_labels_and_columns_are_one_line_and_exit_code_2"
archive = "tests/test_reviews.py::test_hostile_and_damaged_archives_are_refused"
resumed = "tests/test_reviews.py::test_a_download_that_breaks_off_is_resumed"
interrupted = "tests/test_models.py::test_interrupted_and_whole_training_end_with_the_same_weights"
checkpoint = "tests/test_models.py::test_a_checkpoint_of_other_settings_or_damaged_is_not_used"
constant = "tests/test_settings.py::test_an_absurd_constant_is_refused"
said = "tests/test_settings.py::test_edited_constants_recipes_and_flags_are_named_at_the_start"
packed = "tests/test_combination.py::test_a_damaged_pocket_model_is_one_line"
half_way = "tests/test_faults.py::test_a_write_that_fails_half_way_loses_nothing"

# %% Guards
quick = (
    # Texts and labels that come in
    Guard("missing CSV", sources, "if not data.is_file():", "if False:", "tests/test_reviews.py::test_a_missing_file_and_nul_bytes"),
    Guard("empty CSV", formats, "except pd.errors.EmptyDataError:", "except ZeroDivisionError:", f"{bad}[empty]"),
    Guard("header only", formats, "if not rows:", "if False:", f"{bad}[header_only]"),
    Guard("renamed column", formats, "if header.count(column) != 1:", "if header.count(column) > 1:", f"{bad}[renamed]"),
    Guard("repeated column", formats, "if header.count(column) != 1:", "if column not in header:", f"{bad}[repeated]"),
    Guard("one column for both", sources, "if text_column == label_column:", "if False:", labels),
    Guard("unknown label", checking, "if unknown is not None:", "if False:", f"{bad}[label]"),
    Guard("missing label", checking, "if unknown is not None:", "if False:", f"{bad}[no_label]"),
    Guard("one class", checking, "if len(set(number_of.values())) < 2 and not allowed:", "if False:", f"{bad}[one_class]"),
    Guard("labels in few rows", checking, "if name and count >= LEAST_ROWS]", "if name]", labels),
    Guard("too many labels", checking, "if len(kept) > MOST_LABELS:", "if False:", labels),
    Guard(
        *("names of labels", sources, "if not 2 <= len(names) <= MOST_LABELS or len(set(names)) < len(names):", "if False:"),
        labels,
    ),
    Guard("a split without a label", making, "if missing and task.binary:", "if False:", labels),
    Guard(
        *("numbers as labels", checking, "return sorted(kept, key=float) if all(", "return sorted(kept) if all("),
        "tests/test_reviews.py::test_labels_have_an_order",
    ),
    Guard(
        *("copies of test texts", making, "kept = table.where(~copies)", "kept = table"),
        "tests/test_reviews.py::test_a_test_file_is_scored_whole_and_its_texts_teach_nothing",
    ),
    Guard(
        *("rare labels in every split", making, "strata = None if task.binary else labels[rows]", "strata = None"),
        "tests/test_reviews.py::test_a_rare_label_is_in_every_split",
    ),
    Guard("blank review", checking, "if seen.blank:", "if False:", f"{bad}[blank]"),
    Guard("invalid UTF-8", formats, 'encoding_errors="strict"', 'encoding_errors="replace"', f"{bad}[latin1]"),
    Guard("open quote", formats, "except pd.errors.ParserError as error:", "except ZeroDivisionError as error:", f"{bad}[open_quote]"),
    Guard("too few rows", making, "if len(frame) < MINIMUM_REVIEWS:", "if False:", f"{bad}[few]"),
    Guard("empty after cleaning", making, "if len(frame) < MINIMUM_REVIEWS:", "if False:", f"{bad}[cleaned_away]"),
    Guard("10 MB review", checking, "if seen.longest > REVIEW_LIMIT_CHARACTERS:", "if False:", f"{bad}[long]"),
    Guard(
        *("NUL bytes", checking, 'text.replace("\\x00", " ") for rows in', "text for rows in"),
        "tests/test_reviews.py::test_a_missing_file_and_nul_bytes",
    ),
    Guard(
        *("spellings of labels", checking, "spelled[name.lower()] for", "spelled.get(name) for"),
        "tests/test_reviews.py::test_other_spellings_bom_and_windows_line_ends",
    ),
    Guard(
        *("reviews like NA", formats, "keep_default_na=False", "keep_default_na=True"),
        "tests/test_reviews.py::test_words_that_pandas_takes_for_missing_are_reviews",
    ),
    Guard(
        *(
            "cut compressed CSV",
            formats,
            "except (OSError, EOFError, ValueError, RuntimeError, *DAMAGED) as error:\n        _unreadable(path, error)\n\n\ndef _columns",
        ),
        *(
            "except (ValueError, RuntimeError) as error:\n        _unreadable(path, error)\n\n\ndef _columns",
            "tests/test_reviews.py::test_a_truncated_compressed_file_is_refused",
        ),
    ),
    Guard(
        *("blank lines keep their rows", "sentipress/data/lines.py", 'yield from (line.rstrip("\\n") for line in stream)'),
        *('yield from (line.rstrip("\\n") for line in stream if line.strip())', "tests/test_combination.py::test_texts_come_in_groups"),
    ),
    # Archives from the network
    Guard("../ in an archive", sources, ' or ".." in path.parts', "", f"{archive}[dotdot]"),
    Guard("absolute path in an archive", sources, " or path.is_absolute()", "", f"{archive}[absolute]"),
    Guard("link in an archive", sources, "not (member.isfile() or member.isdir()) or ", "", f"{archive}[link]"),
    Guard("archive without reviews", sources, "if not labelled:", "if False:", f"{archive}[foreign]"),
    Guard("cut archive", sources, "except (tarfile.TarError, EOFError, OSError,", "except (", f"{archive}[cut]"),
    Guard(
        *("another checksum", sources, "if actual != checksum:", "if False:"),
        "tests/test_reviews.py::test_another_checksum_is_refused_and_nothing_is_unpacked",
    ),
    Guard("download cut off", sources, "if total is not None and part.stat().st_size != total:", "if False:", resumed),
    Guard("download resumed", sources, 'headers={"Range": f"bytes={have}-"} if have else {}', "headers={}", resumed),
    Guard(
        *("download started over", sources, '"ab" if resumed else "wb"', '"ab"'),
        "tests/test_reviews.py::test_a_download_that_the_server_cannot_resume_starts_over",
    ),
    Guard(
        *("a person's own CSV", sources, "if path.is_file() and path.read_bytes() != content:", "if False:"),
        "tests/test_reviews.py::test_a_persons_own_csv_is_not_overwritten",
    ),
    # Constants and flags
    Guard("absurd constant", cli, "if not low <= value <= high:", "if False:", constant),
    Guard("a switch that is none", cli, "if isinstance(shipped, bool) and not isinstance(value, bool):", "if False:", constant),
    Guard("a text that is none", cli, "if isinstance(shipped, str | None) and not isinstance(value, str | None):", "if False:", constant),
    Guard("edited constants are named", cli, "    if edited:\n", "    if False:\n", said),
    Guard("a recipe over an edited constant", cli, "if name in by_recipe and name.lower() not in flags:", "if False:", said),
    # The artifacts folder
    Guard(
        *("half-written files swept", folder, "        path.unlink(missing_ok=True)", "        pass"),
        "tests/test_stages.py::test_a_killed_write_leaves_nothing_behind",
    ),
    Guard(
        *("half-written files of others", folder, '[*folder.glob(f"{files.TEMPORARY}*"), *', '[*folder.rglob(f"{files.TEMPORARY}*"), *'),
        "tests/test_stages.py::test_what_another_experiment_in_a_sub_folder_is_writing_stays",
    ),
    Guard(
        *("lock", folder, "            _lock_stream(stream)\n", "            pass\n"),
        "tests/test_faults.py::test_of_two_runs_at_once_one_is_refused_and_the_other_is_whole",
    ),
    Guard(
        *("a folder that is a file", errors, "if error.filename is None and error.errno not in _DISK:", "if True:"),
        "tests/test_stages.py::test_an_artifacts_path_that_is_a_file",
    ),
    # Networks and training
    Guard(
        *("code in a .keras file", "sentipress/runtimes/keras_file.py", "safe_mode=True", "safe_mode=False"),
        "tests/test_models.py::test_saved_files_are_equal_safe_and_small",
    ),
    Guard(
        *("outputs for other labels", "sentipress/runtimes/litert.py", 'if output["shape"][-1] != task.outputs:', "if False:"),
        "tests/test_models.py::test_the_shipped_bytes_compute_the_same",
    ),
    Guard("checkpoint of other settings", training, 'if str(saved["key"]) != self.key:', "if False:", checkpoint),
    Guard(
        *("damaged checkpoint", training, "        except Exception as error:  # zipfile"),
        *("        except ZeroDivisionError as error:  # zipfile", checkpoint),
    ),
    Guard("same weights after a break", training, "        _reseed(model, plan.seed, epoch, team)\n", "", interrupted),
    Guard("optimizer state after a break", training, 'variable.assign(content[f"optimizer_{number}"])', "pass", interrupted),
    Guard(
        *(
            "the log after the last checkpoint",
            training,
            "            watch(history.epochs)\n    for epoch",
            "            pass\n    for epoch",
        ),
        "tests/test_models.py::test_a_kill_between_checkpoint_and_log_leaves_no_epoch_unlogged",
    ),
    Guard(
        *("a loss that is no number", training, 'if not math.isfinite(record["loss"]) or', "if False and"),
        "tests/test_models.py::test_a_loss_that_is_no_number_is_one_clear_line",
    ),
    # Cleaning, and memory
    Guard(
        *("only words after cleaning", cleaning, """[^\\w{marks}']+"),""", """[^\\w{marks}'.]+"),"""),
        "tests/test_faults.py::test_any_text_is_cleaned_numbered_and_padded",
    ),
    Guard(
        *("accents belong to their letters", cleaning, """[^\\w{marks}']+"),""", """[^\\w']+"),"""),
        "tests/test_cleaning.py::test_letters_of_other_scripts_stay_whole",
    ),
    Guard(
        *("scripts without spaces", cleaning, '_patterns()["unspaced"].sub(r" \\g<0> ", _patterns()["not words"].sub(" ", text))'),
        *('_patterns()["not words"].sub(" ", text)', "tests/test_cleaning.py::test_letters_of_other_scripts_stay_whole"),
    ),
    Guard(
        *("memory of stage 1", "sentipress/data/stored.py", "IN_MEMORY_BYTES = 4 << 20", "IN_MEMORY_BYTES = 4 << 30"),
        "tests/test_faults.py::test_the_texts_are_not_held_in_memory",
    ),
)
# The tests of these run all stages first.
slow = (
    # Encoders
    Guard(
        *("a folder of the other track", folder, "    _check_track(folder, stage)\n", ""),
        "tests/test_encoder_stages.py::test_lstm_stages_on_a_folder_of_the_encoders_track_change_nothing",
    ),
    Guard(
        *("another encoder than stage 1's", encoder_space, 'if found.sha256 != about["sha256"]:', "if False:"),
        "tests/test_encoder_stages.py::test_another_encoder_than_that_of_stage_1_is_refused",
    ),
    Guard(
        *("checkpoint of another fine-tuning", finetuning, 'if content["key"] != self._key:', "if False:"),
        "tests/test_finetuning.py::test_a_checkpoint_of_another_training_is_not_used",
    ),
    Guard(
        *("damaged checkpoint of an encoder", finetuning, "broken = archive.testzip()", "broken = None"),
        "tests/test_finetuning.py::test_a_damaged_checkpoint_is_said_and_the_training_starts_over",
    ),
    Guard("schema of a pocket model", pocket, 'if about["schema"] != SCHEMA:', "if False:", f"{packed}[schema]"),
    Guard("a pocket model that is a zip bomb", pocket, ".file_size > LIMIT_BYTES", ".file_size < 0", f"{packed}[bomb]"),
    Guard(
        *("vocabulary of a pocket model", pocket, "if not 0 <= shared <= min(LONGEST_PREFIX, len(before)):", "if False:"),
        f"{packed}[prefix]",
    ),
    Guard(
        *("too few known words", "sentipress/data/task.py", '"cannot judge" if known_share < KNOWN_SHARE else ', ""),
        "tests/test_combination.py::test_a_model_that_knows_too_few_words_cannot_judge_and_a_blank_line_keeps_its_row",
    ),
    Guard(
        *("probabilities from elsewhere", teachers, "if values.shape != shapes[split] or not (", "if not ("),
        "tests/test_distillation.py::test_a_teacher_of_another_folder_and_a_file_of_probabilities",
    ),
    Guard(
        *("teacher's answers to other reviews", teachers, 'if str(content["key"]) == key:', "if True:"),
        "tests/test_distillation.py::test_teachers_are_asked_once_and_averaged",
    ),
    Guard(
        *("a teacher of other labels", teachers, "if runtime.task.labels != task.labels:", "if False:"),
        "tests/test_labels.py::test_a_file_of_other_labels_is_refused",
    ),
    Guard(
        *("a search that was killed", "sentipress/pipeline/search.py", "if tune.Tuner.can_restore(str(state)):", "if False:"),
        "tests/test_search.py::test_a_killed_search_goes_on_and_repeats_no_finished_trial",
    ),
    Guard(
        *("atomic writes", files, "        yield temporary\n", "        yield path\n        temporary.write_bytes(path.read_bytes())\n"),
        half_way,
    ),
    Guard("full disk", errors, "errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS", "", half_way),
    Guard(
        *("read-only folder", errors, "except OSError as error:", "except ZeroDivisionError as error:"),
        "tests/test_faults.py::test_a_folder_that_cannot_be_written_is_one_line",
    ),
    Guard(
        *("older schema", files, 'or content.get("schema") != schema:', "or False:"),
        "tests/test_faults.py::test_a_json_of_an_older_schema_names_the_command_that_makes_it_anew",
    ),
    Guard(
        *("seeded order of reviews", "sentipress/text/batching.py", "np.random.default_rng([seed, epoch])", "np.random.default_rng()"),
        "tests/test_faults.py::test_a_seed_gives_the_same_bytes_and_another_seed_others",
    ),
    Guard(
        *("stale rows", records, "elif sha256(path) != expected:", "elif False:"),
        "tests/test_faults.py::test_one_flipped_byte_of_any_model_shows_in_the_table",
    ),
    Guard(
        *("artifacts of another run", records, "    if changed:\n", "    if False:\n"),
        "tests/test_stages.py::test_a_tokenizer_of_another_run_is_refused",
    ),
    Guard(
        *("changed reviews.csv", corpus, "if files.sha256(path) != expected:", "if False:"),
        "tests/test_stages.py::test_damaged_artifacts_are_refused_by_name",
    ),
    Guard(
        *("texts of a file are not made from others", corpus, "if given is None and name and (own or dropped):", "if False:"),
        "tests/test_refresh.py::test_texts_of_a_file_are_not_made_again_from_others",
    ),
)
LEFT_OUT = ("artifacts", "data", "results", "demo/node_modules")  # of the copy, beside hidden files


def copied(target: Path) -> Path:
    """A copy of the project without what is large."""
    import shutil

    def left_out(place: str, names: list[str]) -> list[str]:
        inside = Path(place).relative_to(project)
        return [name for name in names if name.startswith(".") or str(inside / name) in LEFT_OUT]

    return Path(shutil.copytree(project, target, ignore=left_out))


def main(arguments: list[str] | None = None) -> None:
    """Try each guard; see the top of the file."""
    import os
    import subprocess
    import tempfile
    import time

    from sentipress.core import cli
    from sentipress.core.errors import UserError

    settings = cli.settings(__file__, arguments)
    guards = quick if settings.quick else quick + slow
    chosen = [guard for guard in guards if settings.only in (None, guard.name)]
    if not chosen:
        raise UserError(f"--only {settings.only} is unknown", f"give one of {', '.join(guard.name for guard in guards)}")
    unseen = []
    with tempfile.TemporaryDirectory() as place:
        copy = copied(Path(place) / "project")
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        for guard in chosen:
            file = copy / guard.file
            source = file.read_text(encoding="utf-8")
            if source.count(guard.line) != 1:
                problem = f"the guard {guard.name!r} stands {source.count(guard.line)} times in {guard.file}"
                raise UserError(problem, "correct the table in benchmarks/guards.py")
            file.write_text(source.replace(guard.line, guard.without), encoding="utf-8")
            started = time.perf_counter()
            command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", guard.test]
            code = subprocess.run(command, cwd=copy, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
            file.write_text(source, encoding="utf-8")
            # 1: tests failed; 0: all passed; others: the test is not there, or pytest broke.
            verdict = {1: "its test fails without it", 0: "NOT SEEN: its test passes without it"}.get(
                code, f"NOT TRIED: pytest ends with {code}"
            )
            unseen += [] if code == 1 else [guard.name]
            print(f"{guard.name}: {verdict} ({guard.test.split('::')[1]}, {time.perf_counter() - started:.0f} s)", flush=True)
    print(f"{len(chosen) - len(unseen)} of {len(chosen)} guards are seen to be needed")
    if unseen:
        raise SystemExit(1)


if __name__ == "__main__":
    from sentipress.core.errors import exit_code

    raise SystemExit(exit_code(main))
