"""Sweeps of hyperparameters, from TOML and from the command line."""

from collections import Counter

import pytest
from hexbench.data.dataset import Split
from hexbench.errors import BadInput
from hexbench.models import entries
from hexbench.plan import suites
from hexbench.plan.cell import SOURCES
from hexbench.plan.suites import Images
from hexbench.plan.sweeps import read_suite, suite_of

MODELS = entries()
SPLIT = Split()


@pytest.fixture
def plan_of(tmp_path):
    """Plans a suite file of this text, or `--sweep` options, for 1,000 images."""

    def make(text, count=1_000, split=SPLIT, **options):
        path = tmp_path / "mine.toml"
        if isinstance(text, str):
            path.write_text(text)
            suite = read_suite(path, MODELS)
        else:
            suite = suite_of(text, MODELS)
        images = Images(count, split, split.tested(count))
        return suites.plan(suite, images, MODELS, **options).cells

    return make


def sweep(text):
    return f"[[sweep]]\n{text}\n"


SAME = [
    (
        ["mlp: learning_rate=0.001,0.01 epochs=3 seeds=2"],
        sweep("model = 'mlp'\nparams = { learning_rate = [0.001, 0.01] }\nepochs = 3\nseeds = 2"),
    ),
    (
        ["mlp: learning_rate=0.001,0.01 hidden_layer_sizes=[64] epochs=5 seeds=3"],
        sweep(
            "model = 'mlp'\nseeds = 3\n"
            "params = { learning_rate = [0.001, 0.01], hidden_layer_sizes = [[64]], epochs = 5 }"
        ),
    ),
    (
        ["svm: C=1,10 gamma=0.1,scale kernel=poly train_size=100,all"],
        sweep(
            "model = 'svm'\ntrain_size = [100, 'all']\n"
            "params = { C = [1, 10], gamma = [0.1, 'scale'], kernel = 'poly' }"
        ),
    ),
    (
        ["cnn: channels=[8],[8,16] batch_size=32 train_size=50", "mlp: activation=relu steps=100"],
        sweep("model = 'cnn'\ntrain_size = 50\nbatch_size = 32\nparams = { channels = [[8], [8, 16]] }")
        + sweep("model = 'mlp'\nsteps = 100\nparams = { activation = ['relu'] }"),
    ),
    (
        ['svm_grid: C=[1,2] kernel=["rbf"] probability=true images="up to 100",200'],
        sweep(
            "model = 'svm_grid'\nimages = ['up to 100', 200]\n"
            "params = { C = [[1, 2]], kernel = [['rbf']], probability = true }"
        ),
    ),
]


@pytest.mark.parametrize(("options", "text"), SAME, ids=[options[0] for options, _ in SAME])
def test_a_sweep_says_the_same_on_the_command_line_as_in_a_file(plan_of, options, text):
    planned = plan_of(options)
    assert planned == plan_of(text)
    assert planned


def test_two_learning_rates_are_two_settings_with_their_own_seeds(plan_of):
    found = plan_of(["mlp: learning_rate=0.001,0.01 epochs=3 seeds=2"])
    assert [(c.params["learning_rate"], c.seed) for c in found] == [
        (0.001, 0),
        (0.001, 1),
        (0.01, 0),
        (0.01, 1),
    ]
    assert {c.planned_epochs for c in found} == {3}
    assert len({c.key_on("f") for c in found}) == 4


def test_every_hyperparameter_can_be_swept_and_lists_are_crossed(plan_of):
    found = plan_of(
        sweep(
            "model = 'cnn'\ntrain_size = [50, 100]\nseeds = 2\n"
            "params = { channels = [[4], [4, 8]], kernel_size = [2, 3], activation = ['relu', 'tanh'], "
            "learning_rate = [0.01, 0.1], batch_size = [8, 16], epochs = [1] }"
        )
    )
    assert len(found) == 2 * 2 * 2**5
    assert {c.params["channels"] for c in found} == {(4,), (4, 8)}
    settings = {tuple(c.params.items()) for c in found}
    assert len(settings) == 2**5


def test_a_suite_with_a_wider_network_needs_no_code(plan_of):
    (cell,) = plan_of(
        sweep("model = 'mlp'\nparams = { hidden_layer_sizes = [[128, 64]], activation = 'relu' }")
    )
    assert cell.params == {
        "hidden_layer_sizes": (128, 64),
        "activation": "relu",
        "learning_rate": 0.001,
        "batch_size": 16,
        "epochs": 50,
    }
    assert (cell.train_size, cell.split, cell.test_size, cell.seed) == (700, 42, 0.3, 0)


def test_values_have_the_type_of_the_default(plan_of):
    (cell,) = plan_of(sweep("model = 'mlp'\nparams = { learning_rate = 1 }"))
    assert type(cell.params["learning_rate"]) is float
    (empty,) = plan_of(sweep("model = 'mlp'\nparams = { hidden_layer_sizes = [[]] }"))
    assert empty.params["hidden_layer_sizes"] == ()
    twice = plan_of(sweep("model = 'mlp'\nparams = { learning_rate = [0.01, 0.01] }"))
    assert len(twice) == 1, "the same value twice is one cell"


def test_settings_come_in_the_order_of_the_suite(plan_of):
    rates = (0.1, 0.001, 0.03, 0.0001, 0.01, 0.003)
    found = plan_of([f"mlp: learning_rate={','.join(map(str, rates))} seeds=2"])
    assert tuple(dict.fromkeys(c.params["learning_rate"] for c in found)) == rates


@pytest.mark.parametrize("split", [Split(0.5, None), Split(0.2, 7)])
def test_the_studys_own_split_is_the_one_that_is_used(plan_of, split):
    (cell,) = plan_of(["svm: train_size=all"], split=split)
    assert (cell.split, cell.test_size) == (split.name, split.test_size)
    assert cell.parts == split
    assert cell.train_size == 1_000 - split.tested(1_000)


def test_splits_are_so_many_from_the_first(plan_of):
    text = "model = 'svm'\ntrain_size = 'all'\n"
    many = plan_of(sweep(text + "splits = 20\nseeds = 1"))
    assert [c.split for c in many] == list(range(20))
    assert {c.seed for c in many} == {0}
    assert [c.split for c in plan_of(sweep(text + "splits = 3\nfirst_split = 40"))] == [40, 41, 42]
    assert [c.split for c in plan_of(sweep(text + "first_split = 7"))] == [7]
    assert [c.split for c in plan_of(sweep(text))] == [42], "the study's own alone"
    seeds = plan_of(sweep(text.replace("'all'", "100") + "splits = 2\nseeds = 3\nfirst_seed = 5"))
    assert Counter(c.split for c in seeds) == {0: 3, 1: 3}
    assert {c.seed for c in seeds} == {5, 6, 7}


def test_each_split_may_have_seeds_of_its_own(plan_of):
    text = "model = 'mlp'\ntrain_size = 100\nsplits = 3\nseeds = 2\nfirst_seed = 10\nfirst_split = 40\n"
    text += "seed_per_split = true"
    assert [(c.split, c.seed) for c in plan_of(sweep(text))] == [
        *((40, 10), (40, 11), (41, 12), (41, 13), (42, 14), (42, 15)),
    ]


def test_a_suite_may_give_all_sweeps_their_first_seed_and_split(plan_of):
    first = "first_seed = 100\nfirst_split = 200\n"
    found = plan_of(first + sweep("model = 'mlp'\nseeds = 2") + sweep("model = 'cnn'\nsplits = 2"))
    assert [(c.model, c.split, c.seed) for c in found] == [
        ("mlp", 42, 100),
        ("mlp", 42, 101),
        ("cnn", 200, 100),
        ("cnn", 201, 100),
    ]
    own = plan_of(first + sweep("model = 'mlp'\nfirst_seed = 7"))
    assert [c.seed for c in own] == [7]


def test_each_source_of_variance_is_varied_alone(plan_of):
    text = "model = 'mlp'\ntrain_size = 100\nseeds = 3\nfirst_seed = 5\nfirst_split = 40\n"
    found = plan_of(sweep(text + "vary = ['initialisation', 'order', 'subset', 'split']"))
    of = {source: [c for c in found if c.varied == source] for source in SOURCES}
    for source, cells in of.items():
        assert [c.seed for c in cells] == [5, 6, 7]
        for other in SOURCES:
            assert [c.seed_of(other) for c in cells] == ([5, 6, 7] if other == source else [5, 5, 5])
    splits = [c for c in found if not c.varied]
    assert [(c.split, c.seed) for c in splits] == [(40, 5), (41, 5), (42, 5)]
    assert len({c.identity for c in found}) == 12
    svm = plan_of(sweep(text.replace("mlp", "svm") + "vary = ['subset', 'split']"))
    assert {c.held for c in svm} == {()}, "nothing else is random in it"


GRIDS = sweep("model = 'svm_grid'\nimages = [100, 200]\nseeds = 2\nsplits = 2") + sweep(
    "model = 'svm_grid'\ntrain_size = [300]\nsplits = 2"
)
WAITING = sweep("model = 'svm'\nparams_from = 'svm_grid'\ntrain_size = [100, 400]\nsplits = 2")


def test_the_largest_search_of_the_same_split_chooses(plan_of):
    found = plan_of(WAITING + GRIDS)
    searches = {c.identity: c for c in found if c.model == "svm_grid"}
    waiting = [c for c in found if c.model == "svm"]
    assert len(waiting) == 4
    for cell in waiting:
        search = searches[cell.params_from]
        assert search.split == cell.split, "a search of another split has seen these test images"
        assert (search.subset.size, search.subset.resplit, search.seed) == (200, True, 0)
    own = plan_of(WAITING + GRIDS.replace("images", "train_size"))
    largest = {c.identity: c for c in own}
    assert {largest[c.params_from].subset.size for c in own if c.model == "svm"} == {300}


def test_a_search_of_a_task_of_few_classes_or_of_other_hyperparameters_chooses_for_nobody(plan_of):
    others = (
        sweep("model = 'svm_grid'\ntrain_size = 500\nclasses = 2")
        + sweep("model = 'svm_grid'\nimages = 600\nparams = { probability = true }")
        + sweep("model = 'svm_grid'\nimages = 100")
        + sweep("model = 'svm'\nparams_from = 'svm_grid'\ntrain_size = 100")
    )
    found = plan_of(others)
    (waiting,) = [c for c in found if c.params_from]
    (search,) = [c for c in found if c.identity == waiting.params_from]
    assert (search.subset.size, search.params["probability"]) == (100, False)


def test_a_cell_without_its_search_is_refused(plan_of):
    with pytest.raises(BadInput, match="takes the hyperparameters of the largest svm_grid, but no svm_grid"):
        plan_of(WAITING)
    with pytest.raises(BadInput, match="on split 1"):
        plan_of(WAITING + sweep("model = 'svm_grid'\nimages = 100\nfirst_split = 0"))


def lengths(cells):
    return [(c.planned_epochs, c.evaluate_at, c.seed) for c in cells]


def test_a_shorter_run_stands_in_the_history_of_a_longer_one(plan_of):
    found = plan_of(["mlp: epochs=5,50,9 evaluate_at=[3] seeds=2"])
    assert lengths(found) == [(50, (3, 5, 9), 0), (50, (3, 5, 9), 1)]
    assert {c.snapshot_at for c in found} == {(3, 5, 9)}
    uneven = plan_of(["mlp: epochs=50 seeds=1 evaluate_at=7", "mlp: epochs=9 seeds=2 evaluate_at=2"])
    assert sorted(lengths(uneven)) == [(9, (2,), 1), (50, (2, 7, 9), 0)]


@pytest.mark.parametrize(
    "axis",
    [
        "learning_rate=0.001,0.01",
        "batch_size=16,32",
        "hidden_layer_sizes=[10],[20]",
        "activation=relu,tanh",
        "train_size=100,200",
        "splits=2",
        "classes=2,3",
    ],
)
def test_cells_that_differ_in_more_than_their_length_are_never_merged(plan_of, axis):
    both = plan_of([f"mlp: epochs=5,50 {axis}"])
    assert len(both) == 2
    assert {c.planned_epochs for c in both} == {50}
    one, other = axis.split("=")[0], axis.split("=")[1].split(",")
    if one != "splits":
        first, second = other[0], other[-1]
        apart = plan_of([f"mlp: epochs=5 {one}={first}", f"mlp: epochs=50 {one}={second}"])
        assert sorted(c.planned_epochs for c in apart) == [5, 50]


def test_runs_that_stop_early_are_never_merged(plan_of):
    found = plan_of(["mlp: epochs=5,50 train_size=100 validated=true"])
    assert sorted(c.planned_epochs for c in found) == [5, 50]
    both = plan_of(["mlp: epochs=50 train_size=100 validated=true", "mlp: epochs=5 train_size=100"])
    assert sorted(c.planned_epochs for c in both) == [5, 50]


def test_a_model_whose_longer_run_contains_no_shorter_one_is_never_merged():
    from dataclasses import replace

    models = dict(MODELS) | {"mlp": replace(MODELS["mlp"], longer_contains_shorter=False)}
    suite = suite_of(["mlp: epochs=5,50"], models)
    cells = suites.plan(suite, Images(1_000, Split(), 300), models).cells
    assert sorted(c.planned_epochs for c in cells) == [5, 50]


def test_epochs_without_evaluations_get_a_few(plan_of):
    (cell,) = plan_of(["mlp: epochs=200"])
    assert cell.evaluate_at == (1, 2, 5, 10, 20, 50, 100)
    assert cell.snapshot_at == (), "of many evaluations none keeps its predictions"
    (short,) = plan_of(["mlp: epochs=6"])
    assert short.evaluate_at == short.snapshot_at == (1, 2, 5)
    (chosen,) = plan_of(["mlp: epochs=200 evaluate_at=10,20 snapshot_at=20"])
    assert (chosen.evaluate_at, chosen.snapshot_at) == ((10, 20), (20,))


def test_steps_give_small_sets_as_many_updates(plan_of):
    found = plan_of(["mlp: steps=600 train_size=100,200 batch_size=10,25"])
    for cell in found:
        of_one = -(-cell.train_size // cell.batch_size)
        assert 600 <= cell.planned_epochs * of_one < 600 + of_one
    as_all = plan_of(["mlp: steps_of_epochs=4 train_size=70,700"])
    assert [c.planned_epochs for c in as_all] == [36, 4]


def test_sizes_may_be_limits(plan_of):
    found = plan_of(['svm: train_size="up to 100","up to 9,000",50'])
    assert [c.train_size for c in found] == [50, 100, 700]


WRONG = [
    ("description = ", "cannot be read"),
    ("description = 'x'\nsynthetic_images = 1", "[[sweep]]"),
    ("sweep = 3", "[[sweep]]"),
    ("sweep = [3]", "[[sweep]]"),
    ("descripton = 'x'\n[[sweep]]\nmodel = 'mlp'", "unknown key 'descripton' (did you mean 'description'?"),
    ("synthetic_images = 0\n[[sweep]]\nmodel = 'mlp'", "synthetic_images"),
    ("description = 3\n[[sweep]]\nmodel = 'mlp'", "description"),
    ("[[sweep]]\nmodel = 'tree'\nepochs = 1", "sweep 1: there is no model 'tree': choose one of cnn, "),
    ("[[sweep]]\nmodel = 'svm_gird'", "did you mean 'svm_grid'?"),
    ("[[sweep]]\nmodel = 'mlp'\nepoch = 1", "unknown key 'epoch' (did you mean 'epochs'?"),
    ("[[sweep]]\nmodel = 'svm'\n[[sweep]]\nmodel = 'mlp'\nseed = 1", "sweep 2: "),
    ("[[sweep]]\nmodel = 'svm'\n[[sweep]]\nmodel = 'mlp'\nseed = 1", "did you mean 'seeds'?"),
    ("[[sweep]]\nepochs = 1", "model"),
    ("[[sweep]]\nmodel = 'mlp'\nlearning_rate = 1", "hyperparameters stand in params"),
    ("[[sweep]]\nmodel = 'mlp'\nparams = { leaning_rate = 1 }", "did you mean 'learning_rate'?"),
    ("[[sweep]]\nmodel = 'mlp'\nparams = { C = 1 }", "mlp has no hyperparameter 'C'"),
    ("[[sweep]]\nmodel = 'svm'\nepochs = 3", "svm has no hyperparameter 'epochs'"),
    ("[[sweep]]\nmodel = 'mlp'\nparams = { random_state = 3 }", "no hyperparameter 'random_state'"),
    ("[[sweep]]\nmodel = 'mlp'\nparams = { epochs = 3 }\nepochs = 3", "epochs stands in params and beside"),
    ("[[sweep]]\nmodel = 'mlp'\nparams = { batch_size = 3 }\nbatch_size = [3]", "batch_size stands in"),
    ("[[sweep]]\nmodel = 'mlp'\nparams = { hidden_layer_sizes = [64] }", "write [[64]]"),
    ("[[sweep]]\nmodel = 'mlp'\nparams = { hidden_layer_sizes = [64, 32] }", "write [[64, 32]]"),
    ("[[sweep]]\nmodel = 'mlp'\nparams = { hidden_layer_sizes = 64 }", "write [[64]]"),
    ("[[sweep]]\nmodel = 'svm_grid'\nparams = { kernel = ['rbf'] }", "write [['rbf']]"),
    ("[[sweep]]\nmodel = 'mlp'\nparams = { hidden_layer_sizes = [['a']] }", "of that kind"),
    ("[[sweep]]\nmodel = 'mlp'\nparams = { hidden_layer_sizes = [[0]] }", "of that kind"),
    ("[[sweep]]\nmodel = 'mlp'\nparams = { learning_rate = 'fast' }", "learning_rate of mlp is 'fast'"),
    ("[[sweep]]\nmodel = 'mlp'\nparams = { learning_rate = nan }", "learning_rate of mlp"),
    ("[[sweep]]\nmodel = 'mlp'\nparams = { learning_rate = [] }", "has no value"),
    ("[[sweep]]\nmodel = 'mlp'\nparams = { activation = 3 }", "activation of mlp is 3"),
    ("[[sweep]]\nmodel = 'svm'\nparams = { kernel = 3 }", "kernel of svm is 3"),
    ("[[sweep]]\nmodel = 'svm'\nparams = { probability = 1 }", "probability of svm is 1"),
    ("[[sweep]]\nmodel = 'svm'\nparams = { C = true }", "C of svm is True"),
    ("[[sweep]]\nmodel = 'svm'\nparams = { gamma = [[1]] }", "gamma of svm"),
    ('[[sweep]]\nmodel = "svm"\nparams = { kernel = "\\u202e" }', "kernel of svm is"),
    ("[[sweep]]\nmodel = 'mlp'\nparams = 3", "params is no table"),
    ("[[sweep]]\nmodel = 'mlp'\nepochs = 0", "epochs of mlp is 0"),
    ("[[sweep]]\nmodel = 'mlp'\nepochs = 2.5", "epochs of mlp is 2.5"),
    ("[[sweep]]\nmodel = 'mlp'\nbatch_size = 'big'", "batch_size of mlp is 'big'"),
    ("[[sweep]]\nmodel = 'mlp'\nseeds = 0", "whole number above 0"),
    ("[[sweep]]\nmodel = 'mlp'\nsplits = 0", "whole number above 0"),
    ("first_sed = 1\n[[sweep]]\nmodel = 'mlp'", "unknown key 'first_sed' (did you mean 'first_seed'"),
    (
        "[[sweep]]\nmodel = 'mlp'\nvary = ['oder']",
        "varies 'oder': choose from initialisation, order, subset, split (did you mean 'order'",
    ),
    ("[[sweep]]\nmodel = 'mlp'\nvary = ['subset']", "of which there is one alone with all images"),
    ("[[sweep]]\nmodel = 'mlp'\nvary = ['order']\nsplits = 2", "vary beside splits"),
    ("[[sweep]]\nmodel = 'svm'\nvary = ['order']", "does not train by epochs"),
    ("[[sweep]]\nmodel = 'mlp'\nlosses = 1", "losses that is neither true nor false"),
    ("[[sweep]]\nmodel = 'svm'\nlosses = true", "has losses, but that model does not train by epochs"),
    ("[[sweep]]\nmodel = 'mlp'\nfirst_split = -1", "whole number above 0"),
    ("[[sweep]]\nmodel = 'mlp'\nseeds = [1, 2]", "whole number above 0"),
    ("[[sweep]]\nmodel = 'mlp'\nclasses = 1", "task of one class"),
    ("[[sweep]]\nmodel = 'mlp'\ntrain_size = 'some'", "size 'some'"),
    ("[[sweep]]\nmodel = 'mlp'\ntrain_size = []", "empty list"),
    ("[[sweep]]\nmodel = 'mlp'\nimages = 5\ntrain_size = 5", "both images and train_size"),
    ("[[sweep]]\nmodel = 'mlp'\nepochs = 3\nsteps = 5", "more than one of epochs, steps_of_epochs and steps"),
    ("[[sweep]]\nmodel = 'mlp'\nimages = 50\nvalidated = true", "train_size instead of images"),
    ("[[sweep]]\nmodel = 'mlp'\nvalidated = 'yes'", "neither true nor false"),
    ("[[sweep]]\nmodel = 'svm_grid'\nvalidated = true", "does not train by epochs"),
    ("[[sweep]]\nmodel = 'svm'\nevaluate_at = [1]", "does not train by epochs"),
    ("[[sweep]]\nmodel = 'svm'\nparams_from = 'magic'", "params_from = 'magic': choose one of svm_grid"),
    ("[[sweep]]\nmodel = 'svm'\nparams_from = 'mlp'", "params_from = 'mlp'"),
    ("[[sweep]]\nmodel = 'mlp'\nparams_from = 'svm_grid'", "but has no C"),
    ("[[sweep]]\nmodel = 'svm'\nparams_from = 'svm_grid'\nparams = { C = 1 }", "which svm_grid chooses"),
    ("[[sweep]]\nmodel = 'svm'\nfit = 'grid'", "unknown key 'fit'"),
    ("[[sweep]]\nmodel = 'mlp'\nseeds = 200_000", "more than 100,000 cells"),
]


@pytest.mark.parametrize(("text", "words"), WRONG)
def test_a_suite_that_is_wrong_is_named(tmp_path, text, words):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(BadInput) as caught:
        read_suite(path, MODELS)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert words in message
    assert message.endswith(".") and message.isprintable()


WRONG_OPTIONS = [
    ("mlp", "write MODEL: NAME=VALUE"),
    ("", "write MODEL"),
    ("mpl: epochs=3", "did you mean 'mlp'?"),
    ("mlp: epochs", "'epochs' is no NAME=VALUE"),
    ("mlp: =3", "is no NAME=VALUE"),
    ("mlp: epochs=3 epochs=4", "epochs stands there twice"),
    ("mlp: seeds=3 seeds=4", "seeds stands there twice"),
    ("mlp: seeds=3,4", "seeds has more than one value"),
    ("mlp: epochs=", "epochs has no value"),
    ("mlp: seeds=", "seeds has no value"),
    ("mlp: learning_rate=0.01,fast", "learning_rate of mlp is 'fast'"),
    ("mlp: learning_rat=0.01", "did you mean 'learning_rate'?"),
    ("mlp: hidden_layer_sizes=64,32", "write [[64, 32]]"),
    ("mlp: hidden_layer_sizes=[64", "neither a number, a word nor a list"),
    ("mlp: learning_rate=1e-3;2", "neither a number, a word nor a list"),
    ("svm: gamma=" + "[" * 2_000, "a value is nested too deeply"),
    ("mlp: model=cnn", "stands there twice"),
    ("mlp: params=3", "mlp has no hyperparameter 'params'"),
    ("mlp: seeds=200000", "more than 100,000 cells"),
]


@pytest.mark.parametrize(("option", "words"), WRONG_OPTIONS, ids=[o[:30] for o, _ in WRONG_OPTIONS])
def test_an_option_that_is_wrong_is_named(option, words):
    with pytest.raises(BadInput) as caught:
        suite_of([option], MODELS)
    assert words in str(caught.value)
    assert str(caught.value).endswith(".")
