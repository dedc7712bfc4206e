"""What the report says of one row against another: one rule, the questions beyond the base, findings, and the main pictures."""

import hashlib
import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT
from matplotlib import pyplot as plt
from scipy import stats
from statsmodels.stats.multitest import multipletests

from sentipress.core import manifest
from sentipress.evaluation import ledger, plots, records, statistics
from sentipress.evaluation.latency import WHAT
from sentipress.reporting import cells, charts, clouds, comparing, conclusions, evidence, findings, naming, pages, questions, seeds, wording

PUBLISHED = ROOT / "results" / "default"
REPEATS = [PUBLISHED.with_name("seed2"), PUBLISHED.with_name("seed3")]


@pytest.fixture(scope="module")
def content():
    return evidence.collect(PUBLISHED)


@pytest.fixture(scope="module")
def beside(tmp_path_factory):
    """The published run with the packed bags of words, the chains and the techniques beside it, and its other seeds."""
    folder = tmp_path_factory.mktemp("beside") / "default"
    shutil.copytree(PUBLISHED, folder, ignore=shutil.ignore_patterns("figures", "report"))
    for other, pattern in (("packed", "packed_*"), ("chains", "tiny*"), ("chains", "cut*"), ("techniques", "modelo_destilado_*")):
        for path in PUBLISHED.with_name(other).glob(pattern):
            shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="module")
def asked(beside):
    return evidence.collect(beside, REPEATS)


def rights(folder, name):
    """Which texts a model gets right, in the order of their rows."""
    loaded = records.load_probabilities(folder, name)
    return ((loaded["test"] > 0.5) == (loaded["test_label"] > 0.5))[np.argsort(loaded["test_row"])]


def test_p_values_are_corrected_for_the_rows_of_one_question(content):
    compared = {row.name: row.comparison for row in content.scored if row.comparison}
    # float32 and float16 decide as the base on every review, the first is a control as well: 8 bits alone is asked about.
    assert compared["modelo_F16Q"].agreement == 1 and compared["modelo_DRQ"].counted == 1
    assert compared["modelo_DRQ"].p_holm == compared["modelo_DRQ"].p and compared["modelo_control"].p_holm == compared["modelo_control"].p
    for names in (
        ["modelo_podado", "modelo_podado_DRQ"],
        ["modelo_destilado", "modelo_destilado_DRQ"],
        ["classical_unigrams", "classical_pairs", "classical_many_pairs", "classical_nb"],
        ["pocket_1_vocabulary", "pocket_2_distil", "pocket_3_quantize", "pocket"],
    ):
        for kind in ("p", "p_no_worse"):
            expected = multipletests([getattr(compared[name], kind) for name in names], method="holm")[1]
            assert [getattr(compared[name], f"{kind}_holm") for name in names] == pytest.approx(list(expected))
        assert {compared[name].counted for name in names} == {len(names)}
    for one in compared.values():
        assert one.verdict == statistics.verdict(one.difference["value"], one.p_holm, one.p_no_worse_holm)


def test_each_chain_is_a_question_of_its_own():
    record = {"stage": "6_combination.py", "role": "model"}
    families = [comparing.family({**record, "name": name}) for name in ("pocket_1_vocabulary", "pocket", "tiny", "tiny_2_distil")]
    assert families[0] == families[1] != families[2] == families[3]
    assert comparing.family({"stage": "4_pruning.py", "name": "modelo_podado"}) == "4_pruning.py"


def test_a_row_has_one_verdict_in_every_report(content, asked):
    """More rows of other stages and chains in the folder change nothing."""
    for row in content.scored:
        if row.comparison and row.record["stage"] not in ("classical.py", "5_distillation.py"):  # those two got more rows
            assert row.comparison == asked.by_name[row.name].comparison
    once, again = ({one.claim: one for one in conclusions.conclusions(one)} for one in (content, asked))
    assert all(again[claim] == one for claim, one in once.items() if "teacher" not in claim and not claim.startswith(("An LSTM", "Distil")))


def test_a_question_is_of_the_same_reviews(asked, beside):
    about = {(one.row, one.other): one for one in asked.questions}
    assert {(one.about, one.row, one.other) for one in asked.questions} == {
        (questions.CONTROL, "modelo_destilado", "modelo_control"),
        (questions.SAME_TEXTS, "modelo_destilado", "modelo_destilado_self"),
        (questions.BEST_BAG, "modelo_destilado_DRQ", "packed_41600"),
        (questions.BAG, "pocket", "packed_41600"),
        (questions.BAG, "tiny", "packed_16000"),
        (questions.BAG, "cut", "packed_23200"),
    }
    for (row, other), one in about.items():
        right, other_right = rights(beside, row), rights(beside, other)
        gained, only = right.astype(float) - other_right, int((right & ~other_right).sum())
        found = one.comparison
        assert found.difference["value"] == pytest.approx(gained.mean(), abs=1e-7)
        assert found.p == pytest.approx(stats.binomtest(only, only + int((~right & other_right).sum())).pvalue)
        t = (gained.mean() + statistics.MARGIN) / (gained.std(ddof=1) / np.sqrt(len(gained)))
        assert found.p_no_worse == pytest.approx(stats.t.sf(t, len(gained) - 1)) and found.seeds == 1
        assert found.p_holm == found.p  # a question of one pair
        assert found.verdict == statistics.verdict(gained.mean(), found.p, found.p_no_worse)
    assert about["cut", "packed_23200"].comparison.verdict == "worse" and about["tiny", "packed_16000"].comparison.verdict == "no worse"


def test_over_seeds_a_bag_of_words_stands_for_itself(asked, beside):
    about = {(one.row, one.other): one.over_seeds for one in asked.questions}
    for (row, other), fixed in {("modelo_destilado", "modelo_control"): False, ("pocket", "packed_41600"): True}.items():
        found = about[row, other]
        gained = [rights(folder, row).astype(int) - rights(beside if fixed else folder, other).astype(int) for folder in (beside, *REPEATS)]
        expected = statistics.over_seeds(np.stack(gained))
        assert found.seeds == 3 and found.difference["value"] == pytest.approx(np.mean(gained))
        assert (found.p, found.p_no_worse, found.difference["low"]) == (expected["p"], expected["p_no_worse"], expected["low"])
    assert about["tiny", "packed_16000"] is None and about["modelo_destilado", "modelo_destilado_self"] is None
    assert asked.by_name["modelo_DRQ"].over_seeds is None  # the other seeds have no base
    again = evidence.collect(PUBLISHED, [PUBLISHED])
    assert all(one.over_seeds is None for one in again.questions) and again.by_name["pocket"].seeds is None  # no other seed


def test_a_bag_of_words_that_published_answers_taught_has_no_seed_either():
    folder = ROOT / "results" / "reference"
    taught = json.loads((folder / "taught_41600.metrics.json").read_text(encoding="utf-8"))
    assert "answers" in taught and seeds.seedless(taught)
    own = {**taught, "inputs": {**taught["inputs"], manifest.ANSWERS: "of a teacher with this folder's seed"}}
    assert not seeds.seedless(own) and not seeds.seedless({**taught, "stage": "encoder/5_distillation.py"})
    asked = {(one.row, one.other): one.over_seeds for one in evidence.collect(folder, [ROOT / "results" / "reference-2"]).questions}
    assert asked["pocket", "taught_41600"].seeds == 2


def test_compressed_rows_are_compared_with_the_base_of_their_seed(tmp_path):
    for name in ("modelo_base", "modelo_DRQ", "modelo_podado"):
        record = json.loads((PUBLISHED / f"{name}.metrics.json").read_text(encoding="utf-8"))
        record["outputs"][record["file"]] = "another seed"
        (tmp_path / f"{name}.metrics.json").write_text(json.dumps(record), encoding="utf-8")
        arrays = records.load_probabilities(PUBLISHED, name)
        order = np.random.default_rng(2).permutation(len(arrays["test"]))  # the texts in another order
        test = {key: arrays[key][order] for key in ("test", "test_row", "test_label")}
        test["test"] = np.roll(test["test"], 5) if name == "modelo_podado" else test["test"]
        np.savez(tmp_path / f"{name}.probabilities.npz", **test)
    rows = evidence.collect(PUBLISHED, [tmp_path]).by_name
    quantized, pruned = rows["modelo_DRQ"], rows["modelo_podado"]
    assert quantized.over_seeds.seeds == 2 and quantized.over_seeds.value == pytest.approx(quantized.comparison.value, abs=1e-7)
    second = rights(tmp_path, "modelo_podado").astype(int) - rights(tmp_path, "modelo_base")
    assert pruned.over_seeds.value == pytest.approx((pruned.comparison.value + second.mean()) / 2)
    assert pruned.decisive is pruned.over_seeds and rows["modelo_F16Q"].decisive is rows["modelo_F16Q"].comparison


def test_the_findings_are_few_and_follow_the_figures(asked, content):
    found = findings.findings(asked)
    assert len(found) == 4 and [one.split(":")[0].split(" to ")[0] for one in found] == [
        "8 bits",
        "Pruning",
        "Distillation",
        "Small models",
    ]
    assert "no worse than the base (a loss of 0.5 points or more is ruled out; -0.06 points, -0.13 to 0.00)" in found[0]
    assert "worse than the base by 0.50 points (0.17 to 0.83)" in found[1] and "1,441 KB become 620 KB" in found[1]
    by_name = {(one.row, one.other): one for one in asked.questions}
    for row, other in (("modelo_destilado", "modelo_control"), ("modelo_destilado", "modelo_destilado_self")):
        assert wording.points(by_name[row, other].decisive.value) in found[2]
    assert "over 3 seeds" in found[2] and "Neither wins" in found[3] and "loses with cut" in found[3]
    assert not any("distinguishable" in sentence for sentence in (*found, *findings.notes(asked)))
    few = replace(content, rows=[row for row in content.rows if row.record["stage"] == "6_combination.py" or row.name == "modelo_base"])
    few = replace(few, questions=[], close=["pocket_2_distil", "pocket"])
    (alone,) = findings.findings(few)
    assert "The smallest that is no worse than the base: Pocket model" in alone and "no worse than it: Pocket model" in alone
    assert findings.headline(few) == "92.3% in 142 KB: no worse than the base (92.3% in 6,810 KB)"


def test_verdicts_on_the_study_follow_the_rule(content):
    def judged(name, claim, **changes):
        row = content.by_name[name]
        changed = replace(row, comparison=replace(row.comparison, **changes))
        shown = replace(content, rows=[changed if one is row else one for one in content.rows])
        return next(one.verdict for one in conclusions.conclusions(shown) if claim in one.claim)

    for name, claim in (("modelo_podado", "80 % zeros keeps"), ("modelo_F16Q", "float16 halves")):
        assert judged(name, claim, p_holm=0.2, p_no_worse_holm=0.01) == "holds"
        assert judged(name, claim, p_holm=0.2, p_no_worse_holm=0.2) == "undecided"
        lost = {"value": -0.02, "low": -0.03, "high": -0.01}
        assert judged(name, claim, p_holm=0.001, p_no_worse_holm=0.9, difference=lost) == "does not hold"
    verdicts = {one.claim: one.verdict for one in conclusions.conclusions(content)}
    assert verdicts["Dynamic-range quantization makes the model 12 times smaller (31,578 to 2,643 KB) without loss."] == "does not hold"
    assert verdicts["Pruning makes the model smaller (31,578 to 10,535 KB)."] == "does not hold"
    assert verdicts["It is the teacher that makes the student good."] == "undecided"  # its control did not read the same reviews
    few = replace(content, rows=[row for row in content.rows if row.name != "modelo_control"])
    assert [one.verdict for one in conclusions.conclusions(few)].count("not measured") == 1


def test_a_difference_is_put_into_words():
    def said(value, low, high, p, p_no_worse, agreement=0.9):
        found = {"value": value, "low": low, "high": high}
        return wording.against(comparing.Comparison(found, p, p, p_no_worse, p_no_worse, agreement), "the base")

    assert said(-0.0053, -0.0087, -0.002, 0.004, 0.9) == "is worse than the base by 0.53 points (0.20 to 0.87)"
    assert said(0.005, 0.002, 0.008, 0.004, 0.001) == "is better than the base by 0.50 points (0.20 to 0.80)"
    assert said(-0.001, -0.003, 0.001, 0.4, 0.01).startswith("is no worse than the base (a loss of 0.5 points or more is ruled out; -0.10")
    assert "undecided" in said(-0.004, -0.009, 0.001, 0.1, 0.3) and "-0.40 points, -0.90 to +0.10" in said(-0.004, -0.009, 0.001, 0.1, 0.3)
    assert said(0, 0, 0, 1, 0, 1) == "decides as the base on every text" and wording.points(-0.00001) == "0.00"


def test_times_have_no_digit_that_their_spread_does_not_support():
    assert wording.measured(0.7443, 0.49, 0.81) == "0.74 (0.49–0.81)" and wording.measured(88.64, 46.2, 93.7) == "89 (46–94)"
    assert wording.measured(44.4, 42.13, 45.3) == "44.4 (42.1–45.3)" and wording.measured(1.5, 1.5, 1.5) == "1.50 (1.50–1.50)"
    assert [wording.measured(one) for one in (88.64, 1.286, 0.0558, 1734.2, 0, None)] == ["89", "1.3", "0.056", "1,700", "0", "-"]


def test_new_times_are_shown_with_their_spread(content):
    row = content.by_name["pocket"]
    latency = {**row.record["latency"], "p50_ms": 1.04, "p50_low_ms": 0.9, "p50_high_ms": 1.2, "padded_p50_ms": 2.13}
    latency |= {"ratio_to_base": 0.0214, "ratio_low": 0.02, "ratio_high": 0.03, "what": WHAT}
    deployment = {**row.deployment, "p50_low_ms": 0.49, "p50_high_ms": 0.81, "processes": 3}
    new = replace(row, record={**row.record, "latency": latency, "deployment": deployment})
    shown = replace(content, rows=[new if one is row else one for one in content.rows])
    cell = cells.cells(new)
    assert (cell["ms p50"], cell["ms in turns"], cell["ms padded"]) == ("0.74 (0.49–0.81)", "1.04 (0.90–1.20)", "2.1")
    assert {"ms in turns", "ms padded", "time to base"} <= set(cells.columns(shown)) and "ms in turns" not in cells.columns(content)
    assert cells.cells(content.base)["ms p50"] == "89" and "<td>0.74 (0.49–0.81)</td>" in pages.page(shown, []).replace(
        ' class=" more"', ""
    )


def test_rows_that_share_a_graph_are_named(content):
    graphs = [[row.name for row in rows] for rows in findings.same_graphs(content)]
    assert ["modelo_base", "modelo_podado"] in graphs and ["modelo_DRQ", "modelo_podado_DRQ"] in graphs
    assert ["modelo_destilado", "modelo_control"] in graphs and len(graphs) == 3
    assert "Base, 8 bits and pruned base, 8 bits run the same graph: a difference of their times is noise." in findings.notes(content)


def test_uses_of_the_test_texts_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "PROJECT", tmp_path / "project")  # its ledger knows these texts too
    copy = tmp_path / "run" / "copy"
    shutil.copytree(PUBLISHED, copy, ignore=shutil.ignore_patterns("figures", "report", "classical_*", "pocket*"))
    assert "not recorded" in findings.notes(evidence.collect(copy))[0]
    base = records.load_probabilities(copy, "modelo_base")
    content = base["test_row"].astype("<i8").tobytes() + base["test_label"].astype("<f4").tobytes()
    name = hashlib.sha256(content).hexdigest()[:12]
    head = "date,commit,row,task,test_set,texts,accuracy,model_sha256\n"
    lines = [
        f"2026-01-01,c,{row},t,{test_set},9916,0.9,{file}\n"
        for row, test_set, file in (("a", name, "1"), ("b", name, "2"), ("b", "x", "3"))
    ]
    (copy / "ledger.csv").write_text(head + "".join(lines), encoding="utf-8")
    (copy.parent / "ledger.csv").write_text(head + lines[0] + f"2026-01-01,c,a,t,{name},9916,0.9,4\n", encoding="utf-8")
    content = evidence.collect(copy)
    assert content.uses == 3 and "were used 3 times" in findings.notes(content)[0]
    assert findings.notes(content)[0] in pages.markdown(content) and findings.notes(content)[0] in pages.page(content, [])


def test_the_published_verdicts_have_not_changed():
    content = evidence.collect(PUBLISHED, REPEATS)
    text = (PUBLISHED / "report" / "report.md").read_text(encoding="utf-8")
    for one in conclusions.conclusions(content):
        assert f"| {one.claim} | **{one.verdict}** | {one.reason} |" in text
    for sentence in findings.findings(content):
        assert f"- {sentence}" in text


# The main pictures


@pytest.mark.parametrize("form", ["wide", "narrow"])
def test_many_rows_make_no_long_legend(asked, form):
    """At most six families or lines in colour, however many rows; the front is named in place, and no name covers another."""
    assert len(asked.scored) > 30
    drawn = charts.svg(charts.accuracy_against_size, asked, form)
    named = re.findall(r"<text[^>]*>([^<]*(?: KB))</text>", drawn)
    front = findings.pareto([row for row in asked.scored if row.role != "control"], lambda row: float(f"{row.deployed_bytes / 1024:.2g}"))
    assert {text for text in named if "," in text} >= {
        f"{naming.short_name(row.record)}, {row.deployed_bytes / 1024:,.0f} KB" for row in (*front, asked.base)
    }
    families = [family for family in naming.FAMILIES if f">{family}</text>" in drawn]
    assert len(families) == 5
    for draw in (charts.reliability, charts.training_curves):
        shown = charts.svg(draw, asked, form)
        assert len(set(re.findall(r"stroke: (#[0-9a-f]{6})", shown)) & {color.lower() for color in plots.PALETTE} - {"#000000"}) <= 6
        assert re.search(r">\d+ other rows?</text>", shown)


@pytest.mark.parametrize("narrow", [False, True])
def test_names_of_the_front_cover_no_other(asked, narrow):
    with plots.plain_text(), plt.rc_context(charts._STYLE):
        figure = plt.figure(figsize=charts.SIZES["narrow" if narrow else "wide"], layout="constrained")
        clouds.accuracy_against_size(figure, asked, narrow)
        figure.draw_without_rendering()
        boxes = [text.get_window_extent() for text in figure.axes[0].texts if text.get_text()]
        inside = figure.axes[0].get_window_extent()
        plt.close(figure)
    overlapping = [(one, other) for number, one in enumerate(boxes) for other in boxes[:number] if one.overlaps(other)]
    assert len(boxes) > 6 and overlapping == []
    assert all(box.x0 >= inside.x0 - 1 and box.x1 <= inside.x1 + 1 and box.y0 >= inside.y0 - 1 for box in boxes)


def test_a_packed_network_is_compared_with_the_same_one_without_an_encoders_answers():
    folder = PUBLISHED.with_name("reference-2")
    asked = {one.other: one for one in evidence.collect(folder).questions if one.about == questions.CHAIN_CONTROL}
    more = {"unread": 43}  # test reviews that the pocket model has right beyond those of the other, of 9,916
    assert set(asked) == set(more)
    for name, found in asked.items():
        assert found.row == "pocket" and "answers" in found.text
        gained = rights(folder, "pocket").mean() - rights(folder, name).mean()
        assert found.comparison.difference["value"] == pytest.approx(gained, abs=1e-6)
        assert gained == pytest.approx(more[name] / 9916, abs=1e-9)
