"""The generic tables: what they say of models at their defaults, of every axis, and of what failed."""

import pytest
from analyse.sound import broken, but, correct, grid, network, svm
from analyse.whole_run import run
from hexbench.analyse.groups import RANDOM
from hexbench.analyse.scaling import growths
from hexbench.report import tables
from hexbench.report.columns import UNCLEAN, median_time
from hexbench.report.table import FAILED_NOTE, NONE, Table, number, percent, seconds
from hexbench.store.record import Times
from report.made_up import FOREST, forest, slices_of

MODELS = {"forest": FOREST}


def column(table, name):
    return [row[table.header.index(name)] for row in table.rows]


def every_listing(slices):
    listed = [tables.overview(slices), *(tables.by(slices, axis) for axis in slices.axes)]
    listed += [tables.searches(slices), tables.early_stopping(slices)]
    return [*listed, tables.rest(slices, listed)]


def test_texts_of_numbers():
    assert percent([0.90, 0.92, 0.94]) == "92.0 ± 2.0"
    assert percent([0.5]) == "50.0"
    assert percent([]) == percent([0.5, float("nan")]) == NONE
    assert number([1.0, 2.0], 2) == "1.50 ± 0.71"
    assert [seconds(s) for s in (None, 0.01234, 9.876, 1234.5)] == [NONE, "0.0123", "9.88", "1,234"]


def test_a_table_knows_where_its_columns_stand_and_gives_some_of_them():
    table = Table("T", "n", ("a", "b", "c"), [("1", "2", "3")], "lrl")
    assert table.alignment == ["left", "right", "left"]
    assert table.only([2, 1]) == Table("T", "n", ("c", "b"), [("3", "2")], "lr")
    assert Table("T", "n", ("a", "b"), []).alignment == ["left", "right"]


def test_the_overview_has_every_model_at_its_defaults_on_all_images():
    table = tables.overview(slices_of(run())).table
    assert column(table, "model") == ["SVM", "CNN", "MLP", "SVM grid"]
    assert column(table, "epochs") == [NONE, "3", "50", NONE]
    assert set(column(table, "train size")) == {"7,000"}
    assert column(table, "tuned by") == ["SVM grid, 10,000 images", NONE, NONE, NONE]
    assert column(table, "seeds") == ["1", "3", "3", "1"]


def test_without_its_defaults_a_model_stands_with_what_comes_closest():
    records = [
        network("mlp", correct(0.8, 0), train_size=100, epochs=5, batch_size=size) for size in (32, 64)
    ]
    records.append(
        network("mlp", correct(0.8, 0), train_size=300, epochs=5, batch_size=64, learning_rate=1.0)
    )
    table = tables.overview(slices_of(records)).table
    assert column(table, "train size") == ["300"]
    assert column(table, "learning_rate") == ["1"]


def test_three_epochs_are_read_off_a_longer_curve():
    record = network("cnn", correct(0.9, 0), epochs=50, evaluated={3: correct(0.5, 0), 10: correct(0.7, 0)})
    table = tables.by(slices_of([record]), "epochs").table
    assert column(table, "epochs") == ["3", "10", "50"]
    assert [float(text) for text in column(table, "test accuracy %")] == pytest.approx([50, 70, 90], abs=2)
    assert [float(s) for s in column(table, "train (s)")] == pytest.approx([0.3, 1, 5])


def test_batch_sizes_have_the_ratio_of_their_times_to_the_smallest():
    records = []
    for seed in (0, 1):
        for size, epoch_s in ((16, 2.0), (64, 0.5)):
            record = network(
                "cnn", correct(0.9, seed), seed=seed, batch_size=size, times={"epoch_s": epoch_s}
            )
            records.append(record)
    records += [network("mlp", correct(0.5, 0), epochs=50)]
    table = tables.by(slices_of(records), "params.batch_size").table
    assert table.title == "Results by batch_size"
    assert column(table, "batch_size") == ["16", "64"], "the MLP has one size only"
    assert column(table, "relative time") == ["1.00", "0.25"]
    assert column(table, "epoch (s)") == ["2", "0.5"]
    assert column(table, "seeds") == ["2", "2"]


def test_two_learning_rates_are_two_rows():
    records = [
        network("mlp", correct(0.5 if rate == 0.01 else 0.9, seed), seed=seed, learning_rate=rate)
        for rate in (0.001, 0.01)
        for seed in (0, 1)
    ]
    slices = slices_of(records)
    assert slices.axes == ["params.learning_rate"]
    table = tables.by(slices, "params.learning_rate").table
    assert column(table, "learning_rate") == ["0.001", "0.01"]
    assert column(table, "seeds") == ["2", "2"]
    assert [float(text.split()[0]) for text in column(table, "test accuracy %")] == pytest.approx(
        [90, 50], abs=2
    )


def test_of_crossed_hyperparameters_each_series_differs_in_one():
    records = [
        network("mlp", correct(0.8, 0), learning_rate=rate, hidden_layer_sizes=layers)
        for rate in (0.001, 0.01)
        for layers in ((10,), (64, 64))
    ]
    slices = slices_of(records)
    table = tables.by(slices, "params.hidden_layer_sizes").table
    rows = list(zip(column(table, "learning_rate"), column(table, "hidden_layer_sizes"), strict=True))
    assert rows == [("0.001", "10"), ("0.001", "64-64"), ("0.01", "10"), ("0.01", "64-64")]
    assert set(column(table, "relative time")) == {"1.00"}


def test_none_is_a_value_of_a_hyperparameter_like_others():
    records = [forest(max_depth=depth) for depth in (None, 3, 10)]
    table = tables.by(slices_of(records, models=MODELS), "params.max_depth").table
    assert column(table, "max_depth") == ["3", "10", "none"]


def test_train_sizes_stand_beside_each_other_with_early_stopping_and_searches():
    stops = [
        network(
            "cnn", correct(0.7 + 0.01 * i, i), seed=i, train_size=125, held_out=25, epochs=19, stopped_at=s
        )
        for i, s in enumerate((3, 8))
    ]
    stops.append(network("cnn", correct(0.9, 0), held_out=1_400, epochs=9, stopped_at=4))
    plain = [network("cnn", correct(a, 0), train_size=n) for n, a in ((100, 0.5), (7_000, 0.95))]
    tuned = [svm(correct(a, 0), train_size=n) for n, a in ((100, 0.4), (7_000, 0.9))]
    table = tables.compared(slices_of([*stops, *plain, *tuned])).table
    assert table.header == (
        "train size",
        "CNN, early stopping",
        "CNN, 3 epochs",
        "SVM, tuned by a search that is missing",
    )
    assert [row[0] for row in table.rows] == ["100", "5,600", "7,000"], "images that were fitted on"
    assert table.rows[0][1].endswith(" (6)"), "the median epoch"
    assert " ± " in table.rows[0][1]
    assert tables.compared(slices_of(plain)) is None, "there is nothing beside it"


def test_early_stopping_says_when():
    records = [
        network(
            "mlp", correct(0.8, seed), seed=seed, train_size=100, held_out=20, epochs=500, stopped_at=stop
        )
        for seed, stop in enumerate((16, 120, 40))
    ]
    table = tables.early_stopping(slices_of(records)).table
    (row,) = table.rows
    assert row[:6] == ("MLP", "80", "500", "40", "16", "120")


def test_a_search_shows_the_spread_of_its_draws_and_what_was_chosen_most():
    draws = [grid(correct(a, 0), seed=i, images=100) for i, a in enumerate((0.3, 0.5))]
    table = tables.searches(slices_of(draws)).table
    (row,) = table.rows
    found = dict(zip(table.header, row, strict=True))
    assert (found["images"], found["train size"], found["seeds"]) == ("100", "70", "2")
    low, high = (100 * record.metrics.test_accuracy for record in draws)
    assert found["range"] == f"{low:.1f} to {high:.1f}"
    assert found["chosen"] == "C=10 gamma=0.1 kernel=rbf (2 of 2)"
    assert found["cross-validation %"] == "50.0 ± 0.0"
    assert found["search (s)"] == "30.5"


def test_times_are_those_of_clean_cells_where_there_are_any():
    slow = network("cnn", correct(0.9, 0), times={"epoch_s": 99.0}, timing_clean=False)
    fast = network("cnn", correct(0.9, 1), seed=1, times={"epoch_s": 2.0})
    both, alone = slices_of([slow, fast]), slices_of([slow])
    (group,), (disturbed,) = both.runs.groups.values(), alone.runs.groups.values()
    assert median_time(group, "epoch_s") == 2.0
    assert median_time(disturbed, "epoch_s") == 99.0
    assert column(tables.times(both).table, "epoch (s)") == ["2"]
    assert column(tables.times(alone).table, "epoch (s)") == ["99" + UNCLEAN]
    assert column(tables.times(both).table, "clean cells") == ["1 of 2"]


def test_compiling_counts_where_all_was_compiled():
    first = but(
        network("cnn", correct(0.9, 0)), times=Times(compile_s=5.0), programs={"compiled": 2, "disk": 0}
    )
    second = network("cnn", correct(0.9, 1), seed=1)
    second = but(second, times=Times(compile_s=0.1), programs={"compiled": 0, "disk": 2})
    assert column(tables.times(slices_of([first, second])).table, "compile (s)") == ["5"]


def test_growth_has_an_exponent_for_each_quantity():
    slices = slices_of(run())
    table = tables.growth(slices, growths(slices.runs))
    rows = dict(
        zip(zip(column(table, "model"), column(table, "quantity"), strict=True), table.rows, strict=True)
    )
    assert float(column(table, "exponent")[list(rows).index(("SVM", "time of a fit"))]) == pytest.approx(
        1.8, abs=0.02
    )
    assert "†" not in str(table.rows)


def test_layers_and_the_running_means_of_the_first_epochs():
    runs = slices_of([network("mlp", correct(0.8, seed), seed=seed, epochs=5) for seed in (0, 1)]).runs
    layers = tables.layers(runs, "mlp")
    assert layers.rows == [("output", "kernel 17 x 10", "170"), ("all", "", "4,197")]
    (group,) = runs.groups.values()
    means = tables.running_means(runs, "mlp", group, 5)
    assert [row[0] for row in means.rows] == [f"{e} of 5" for e in range(1, 6)]
    assert means.rows[-1] == ("5 of 5", "0.200 ± 0.000", "89.0 ± 0.0", "2")
    assert tables.layers(runs, "cnn").rows == []


def test_accuracy_by_class_is_over_all_seeds_and_none_where_there_is_no_image():
    slices = slices_of([network("cnn", correct(0.9, seed)[:5], seed=seed) for seed in (0, 1)])
    (group,) = slices.runs.groups.values()
    shares = tables.class_accuracy(group)
    assert shares[:5].mean() == pytest.approx(sum(group.metric("test_accuracy")) / 2)
    table = tables.by_class(slices.runs, {"CNN": shares})
    assert [row[0] for row in table.rows] == slices.runs.manifest.data.class_names
    assert table.rows[-1] == ("empty", NONE)


def test_nothing_measured_makes_no_rows():
    slices = slices_of([])
    assert all(listing.table.rows == [] for listing in every_listing(slices))
    assert slices.axes == []


# --- Nothing is missing without a word ---


@pytest.mark.parametrize("records", [run(), [*run()[::3], forest(), forest(max_depth=3, train_size=100)]])
def test_every_setting_stands_in_a_table(records):
    slices = slices_of(records, models=MODELS)
    shown = {setting for listing in every_listing(slices) for setting in listing.settings}
    assert shown == set(slices.runs.groups)
    for listing in every_listing(slices):
        assert len(listing.table.rows) == len(listing.settings)


def test_what_is_in_no_other_table_is_in_the_last():
    lonely = network("mlp", correct(0.5, 0), train_size=123, learning_rate=0.5, split=7)
    slices = slices_of([*run(), lonely])
    listed = every_listing(slices)
    alone = slices.runs.setting(lonely)._replace(split=RANDOM)
    assert alone in [s._replace(epochs=None) for s in listed[-1].settings]
    row = next(row for row in listed[-1].table.rows if "123" in row)
    assert "0.5" in row
    assert "random" in row


def test_a_failed_cell_leaves_a_mark_where_it_is_left_out():
    records = [network("cnn", correct(0.9, seed), seed=seed) for seed in (0, 1)]
    whole, holed = slices_of(records), slices_of([*records, broken(network("cnn", correct(0.9, 2), seed=2))])
    table = tables.overview(holed).table
    assert column(table, "seeds") == ["2 of 3"]
    assert column(table, "test accuracy %")[0].endswith(" †")
    assert table.note.endswith(FAILED_NOTE)
    assert FAILED_NOTE not in tables.overview(whole).table.note, "no mark, no word about it"
    assert column(tables.times(holed).table, "clean cells") == ["2 of 2 †"]


def test_a_group_of_which_every_cell_failed_is_a_hole_and_not_nothing():
    records = [network("mlp", correct(0.9, 0)), broken(network("cnn", correct(0.9, 0)))]
    records += [broken(grid(correct(0.7, 0), images=100))]
    slices = slices_of(records)
    table = tables.overview(slices).table
    assert column(table, "test accuracy %")[1:] == ["– †", "– †"]
    assert column(table, "seeds")[1:] == ["0 of 1", "0 of 1"]
    assert column(tables.searches(slices).table, "cross-validation %") == ["– †"]
    assert column(tables.times(slices).table, "clean cells")[1:] == ["0 of 0 †", "0 of 0 †"]


def test_a_failed_cell_is_missed_at_every_epoch_it_was_to_be_evaluated_after():
    measured = network("cnn", correct(0.9, 0), epochs=50, evaluated={3: correct(0.8, 0)})
    failed = broken(network("cnn", correct(0.9, 1), seed=1, epochs=50, evaluated={3: correct(0.8, 0)}))
    table = tables.by(slices_of([measured, failed]), "epochs").table
    assert list(zip(column(table, "epochs"), column(table, "seeds"), strict=True)) == [
        ("3", "1 of 2"),
        ("50", "1 of 2"),
    ]
