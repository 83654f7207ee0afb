import pytest
from analyse.records import broken, network, svm

from bench.analyse import tables
from bench.analyse.cost_tables import by_growth, by_time
from bench.analyse.readings import failures, flat, readings
from bench.analyse.scaling import growths


def all_tables(records):
    rows = [*readings(records), *failures(records)]
    makers = (
        tables.by_epochs,
        tables.by_batch_size,
        tables.by_training_size,
        tables.by_grid,
        by_time,
    )
    made = [
        *(maker(rows) for maker in makers),
        by_growth(growths(readings(records)), failures(records)),
    ]
    return [table for table in made if table.rows]


def titled(records, title):
    return next(t for t in all_tables(records) if t.title.startswith(title))


def test_a_reading_at_every_evaluated_epoch():
    rows = readings([network("mlp", 0.9, epochs=5, evaluated=[2])])
    assert [(r["epochs"], round(r["test_accuracy"], 3)) for r in rows] == [(2, 0.87), (5, 0.9)]
    assert rows[0]["train_s"] == pytest.approx(4.0), "2 of 5 epochs of 2 s"
    assert {r["trained_epochs"] for r in rows} == {5}


def test_failed_records_have_a_row_in_the_csv_and_no_reading():
    record = broken(network("mlp", 0.9))
    assert readings([record]) == []
    assert flat(record)["error"] == "ValueError: no"
    assert flat(record)["test_accuracy"] is None


def test_accuracy_is_a_mean_over_seeds_with_its_spread():
    records = [network("cnn", a, seed=i) for i, a in enumerate((0.90, 0.92, 0.94))]
    row = titled(records, "Accuracy by model").rows[-1]
    assert row[:4] == ("CNN", "700", "3", "92.0 ± 2.0")
    assert row[-1] == "3"
    assert tables.percent([0.5]) == "50.0"
    assert tables.percent([]) == tables.percent([0.5, None]) == tables.NONE


def test_three_epochs_are_read_off_a_longer_curve():
    records = [network("cnn", 0.9, epochs=50, evaluated=[3])]
    rows = titled(records, "Accuracy by model").rows
    assert [row[2] for row in rows] == ["3", "50"]
    assert rows[0][3] == "43.0"


def test_batch_sizes_are_compared_where_there_are_several_with_the_ratio_of_time():
    records = [network("cnn", 0.9, epochs=50, evaluated=[3])]
    slow = network("cnn", 0.8, batch_size=64)
    slow["times"]["epoch_s"] = 3.0
    rows = titled(
        [*records, slow, network("cnn", 0.1, train_size=99, batch_size=64)], "Accuracy and time"
    ).rows
    assert [(row[1], row[2], row[3], row[6]) for row in rows] == [
        ("700", "16", "43.0", "1.00"),
        ("700", "64", "80.0", "1.50"),
    ]


def test_training_sizes_stand_at_the_reports_epochs_and_stopped_by_validation():
    validated = [
        network("cnn", 0.8, epochs=19, train_size=80, seed=seed)
        | {"protocol": "validated", "images": 100, "stopped_at": 15 + seed}
        for seed in range(2)
    ]
    for record in validated:
        record["history"]["test_accuracy"] = [
            0.7 + 0.02 * record["seed"] if e == record["stopped_at"] else None for e in range(1, 20)
        ]
    records = [
        network("cnn", 0.8, train_size=100), network("cnn", 0.95, epochs=50, evaluated=[3]), *validated,
        svm(0.7, train_size=100), svm(0.75, train_size=100, fit="grid"), svm(0.9),
    ]  # fmt: skip
    rows = titled(records, "Test accuracy").rows
    assert rows == [
        ("100", "–", "–", "80.0", "71.0 ± 1.4 (16)", "75.0", "70.0"),
        ("700", "–", "–", "48.0", "–", "–", "90.0"),
    ]


def test_the_grid_shows_the_spread_of_its_draws():
    draws = [
        svm(a, seed=i, protocol="report", images=100, train_size=70, fit="grid")
        for i, a in enumerate((0.3, 0.5))
    ]
    row = titled(draws, "SVM").rows[0]
    assert row[:5] == ("100", "70", "no", "40.0 ± 14.1", "30.0 to 50.0")
    assert row[6] == "C=10 kernel=rbf (2 of 2)"


def test_times_are_those_of_clean_runs_where_there_are_any():
    slow, fast = network("cnn", 0.9, seed=0), network("cnn", 0.9, seed=1)
    slow["times"]["epoch_s"] = 99.0
    slow["timing_clean"] = False
    assert tables.median_time(readings([slow, fast]), "epoch_s") == 2.0
    assert tables.median_time(readings([slow]), "epoch_s") == 99.0


def test_nothing_measured_makes_no_table():
    assert all_tables([]) == []


def test_a_failed_run_leaves_a_mark_where_it_is_left_out():
    records = [network("cnn", a, seed=i, epochs=3) for i, a in enumerate((0.90, 0.92))]
    records.append(broken(network("cnn", 0.94, seed=2)))
    accuracy = titled(records, "Accuracy by model")
    assert accuracy.rows == [
        ("CNN", "700", "3", "91.0 ± 1.4 †", "91.0 ± 1.4 †", "0.090 ± 0.014 †", "2 of 3")
    ]
    assert accuracy.explained().note.endswith(tables.FAILED_NOTE)
    assert titled(records, "Time").rows[0][-1] == "2 of 2 †"
    whole = titled(records[:2], "Accuracy by model")
    assert whole.explained() == whole, "no mark, no word about it"


def test_a_group_without_any_run_is_a_hole_and_not_nothing():
    search = svm(0.7, seed=1, protocol="report", images=100, train_size=70, fit="grid")
    records = [network("mlp", 0.9), broken(network("cnn", 0.9)), broken(search)]
    assert titled(records, "Accuracy by model").rows[-1] == (
        "CNN", "700", "3", "– †", "– †", "– †", "0 of 1",
    )  # fmt: skip
    assert titled(records, "Time").rows[-1][3:] == ("–",) * 6 + ("0 of 0 †",)
    assert titled(records, "SVM").rows == [
        ("100", "70", "no", "– †", "–", "– †", "–", "– †", "0 of 1")
    ]


def test_a_failed_run_is_missed_at_every_epoch_it_was_to_be_evaluated_after():
    failed = broken(network("cnn", 0.9, seed=1, epochs=50, evaluated=[3]))
    rows = titled([network("cnn", 0.9, epochs=50, evaluated=[3]), failed], "Accuracy by model").rows
    assert [(row[2], row[-1]) for row in rows] == [("3", "1 of 2"), ("50", "1 of 2")]
