"""Search for a forecaster's arguments by its error on rows that it has not seen."""

from __future__ import annotations

import difflib
import hashlib
import json
import logging
import math
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pandas as pd

from kerasrnn.forecasting.backtest import backtest
from kerasrnn.forecasting.baselines import NAIVE
from kerasrnn.forecasting.data.frequency import frequency_name
from kerasrnn.forecasting.data.panel import Panel
from kerasrnn.forecasting.errors import DataError, one_line, require_positive
from kerasrnn.forecasting.forecaster import Forecaster
from kerasrnn.forecasting.metrics import NETWORK, metric_of_skill
from kerasrnn.forecasting.models import LAYERS
from kerasrnn.forecasting.progress import StepBar
from kerasrnn.forecasting.scaling import DIFFERENCE, LAST, SEASONAL, WINDOW
from kerasrnn.forecasting.splitting import default_look_back

if TYPE_CHECKING:
    import optuna
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

# A list of choices, or the ends of a range.
Values = list[Any] | tuple[float, float]

# What makes the errors of two trials incomparable, or changes none of them.
FIXED = ("horizon", "intervals", "levels", "seed", "max_time", "checkpoint", "quiet")
WIDE = 8
MULTIPLES, LEAST_STEP, SPARE_ROWS = (1, 2, 3), 12, 8
MOST_LETTERS, EDGE = 24, 1.1
STUDY_NAME = "kerasrnn"


@dataclass(frozen=True)
class Tuning:
    """What a search found.

    Attributes:
        forecaster: One with the best arguments, not fitted.
        space: Choices or a range for each argument that was searched.
        study: The study of optuna, for its own pictures and measures of importance.
        trials: A row for each trial, the first of them the forecaster as it came: `number`,
            `error`, `seconds`, the arguments that were searched, and `reason`, why there is no
            error, or an empty text.
        metric: What the error is: `"rmse"`, or for many series `"mase"`.
        best_error: The least error.
        start_error: That of the first trial; not a number where it could not be run.
        changes: The best arguments that are others than the start's.
    """

    forecaster: Forecaster
    space: Mapping[str, Values]
    study: optuna.Study
    trials: pd.DataFrame
    metric: str
    best_error: float
    start_error: float
    changes: Mapping[str, Any]

    def plot(self, *, width: float = 10.0) -> Figure:
        """Draw the error by trial with the best so far, and by each argument.

        Args:
            width: In inches.
        """
        return plot_tuning(self, width=width)


def tune(
    forecaster: Forecaster,
    data: Any,
    *,
    trials: int = 20,
    folds: int = 3,
    study: str | Path | None = None,
    max_time: float | None = None,
    space: Mapping[str, Values] | None = None,
    quiet: bool = True,
    **reading: Any,
) -> Tuning:
    """Search for better arguments, by the error on the last rows of the data given.

    The search sees all of these rows. Hold back those that its outcome is to be judged by:
    tune on `panel.until(horizon)`, as here.

    >>> passengers = air_passengers()
    >>> forecaster = Forecaster(horizon=12, units=4, epochs=1)
    >>> tuning = tune(forecaster, passengers[:-12], trials=2, space={"units": (2, 8)})
    >>> tuning.best_error <= tuning.start_error
    True
    >>> forecast = tuning.forecaster.fit(passengers[:-12]).predict()

    The first trial is the forecaster as it is, so that on the rows searched the outcome is
    never worse. Each trial trains one network, on the rows before the first origin, from the
    same seed; a trial that cannot be run, for want of rows, is passed over. Samples are drawn
    by tree-structured Parzen estimators, depend on the seed of the forecaster and the
    trials before alone, and so are the same after an interrupt.

    Args:
        forecaster: Its arguments are the start, and those not searched stay.
        data: As for `Forecaster.fit`.
        trials: How many in total, with those that are in the study already.
        folds: Number of origins, a horizon apart; their forecasts end with the last row.
        study: An SQLite file that keeps the trials, from which the same call goes on after an
            interrupt, one process at a time. Default: none are kept.
        max_time: Seconds after which no further trial begins; the first always runs.
        space: For each argument of the forecaster to be searched, a list of choices, or a
            range as a tuple (low, high): of whole numbers where both are, and searched by
            factors instead of differences where high is 8 times low or more. For example
            `{"model": ["lstm", "gru"], "units": (8, 64), "dropout": (0.0, 0.3)}`. Default:
            `default_space`.
        quiet: Show no progress bar.
        **reading: As for `Forecaster.fit`.

    Raises:
        DataError: optuna is missing, the space is not one, the study is of something else, or
            no trial could be run.

    Source: Bergstra et al. 2011, Algorithms for Hyper-Parameter Optimization.
    """
    require_optuna()
    require_positive(trials=trials, folds=folds)
    if max_time is not None and not max_time > 0:
        raise DataError(f"--max-time must be above 0. Got {max_time:g}.")
    panel = forecaster.read(data, **reading)
    if space is None:
        space = default_space(forecaster, panel, folds=folds)
    search = Search(forecaster, panel, checked_space(forecaster, space), folds)
    path = None if study is None else Path(study)
    with warnings_only(), opened(path, search.identity()) as found:
        search.run(found, trials, max_time, quiet)
        done = finished(found)
    table = search.table(done)
    if table["error"].isna().all():
        raise DataError(
            f"none of {len(table)} trials could be run; the last: {table['reason'].iloc[-1]}"
        )
    best = int(table["error"].argmin())
    own, changes = forecaster.get_params(), search.changes(done, best)
    return Tuning(
        forecaster=forecaster.clone(**changes),
        space=search.space,
        study=found,
        trials=table,
        metric=metric_of_skill(panel.num_series),
        best_error=float(table["error"].iloc[best]),
        start_error=float(table["error"].iloc[0]),
        changes={name: value for name, value in changes.items() if value != own[name]},
    )


def default_space(
    forecaster: Forecaster, data: Any, *, folds: int = 3, **reading: Any
) -> dict[str, Values]:
    """Return what `tune` searches if not told, to be changed and given to it.

    It holds the forecaster's own arguments, and looks back by one to three seasons (or
    horizons, where there is no season) as far as the rows allow.

    Args:
        forecaster, data, folds: As for `tune`.
        **reading: As for `Forecaster.fit`.
    """
    panel = forecaster.read(data, **reading)
    own = forecaster.get_params()
    season = forecaster.season or panel.season
    ahead = 1 if forecaster.strategy == "recursive" else forecaster.horizon
    rows = int(np.median(panel.lengths)) - folds * forecaster.horizon
    usual = forecaster.look_back or default_look_back(rows, ahead, season)
    step = season if season > 1 else max(forecaster.horizon, LEAST_STEP)
    least = forecaster.segment or (step if forecaster.model == "segment" else 1)
    look_backs = [
        step * times
        for times in MULTIPLES
        if step * times != usual and least <= step * times <= rows - ahead - SPARE_ROWS
    ]
    normalizations = ["auto", LAST, WINDOW, DIFFERENCE]
    if 1 < season <= min([usual, *look_backs]):
        normalizations.append(SEASONAL)
    layer = "model" if forecaster.model in LAYERS else "cell"
    # Dropout intervals cannot be had without dropout.
    no_dropout = 0.05 if forecaster.intervals == "dropout" else 0.0
    space: dict[str, Values] = {
        layer: with_own(own[layer], list(LAYERS)),
        "units": around(own["units"], 16, 128),
        "num_layers": around(own["num_layers"], 1, 2),
        "dropout": around(own["dropout"], no_dropout, 0.5),
        "learning_rate": around(own["learning_rate"], 1e-3, 1e-2),
        "look_back": with_own(own["look_back"], look_backs),
        "normalization": with_own(own["normalization"], normalizations),
    }
    if forecaster.model == "segment":
        del space["num_layers"]  # It has one layer.
    return space


def with_own(own: Any, choices: list[Any]) -> list[Any]:
    """Return choices with the forecaster's own as the first."""
    return [own, *(choice for choice in choices if label(choice) != label(own))]


def around(own: float, low: float, high: float) -> tuple[float, float]:
    """Return a range, widened to hold the forecaster's own argument."""
    return min(own, low), max(own, high)


def require_optuna() -> None:
    """Raise where optuna is not installed."""
    if find_spec("optuna") is None:
        raise DataError('tuning needs optuna, which is not installed; pip install "kerasrnn[tune]"')


def checked_space(forecaster: Forecaster, space: Mapping[str, Values]) -> dict[str, Values]:
    """Return a space whose every choice and end of a range the forecaster takes.

    Raises:
        DataError: the forecaster has no such argument, or does not take such a value.
    """
    if not space:
        raise DataError("the space is empty; name an argument of the forecaster and its choices")
    checked: dict[str, Values] = {}
    known = [name for name in forecaster.get_params() if name not in FIXED]
    for name, values in space.items():
        if name in FIXED:
            raise DataError(f"space, {name}: it is the same in all trials; leave it out")
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"expected some of {', '.join(known)}"
            raise DataError(f"space, {name}: the forecaster has no such argument; {hint}")
        checked[name] = checked_values(name, values)
        for value in checked[name]:
            try:
                forecaster.clone(**{name: value})
            except (DataError, TypeError, ValueError) as error:
                raise DataError(f"space, {name}: {one_line(error)}") from None
    return checked


def checked_values(name: str, values: Any) -> Values:
    """Return choices without repetition, or a range of Python's own numbers."""
    if isinstance(values, list) and values:
        plain = [value.item() if isinstance(value, np.generic) else value for value in values]
        return list({label(value): value for value in plain}.values())
    if isinstance(values, tuple) and len(values) == 2 and all(map(is_number, values)):
        low, high = (value.item() if isinstance(value, np.generic) else value for value in values)
        if low < high:
            return low, high
    raise DataError(
        f"space, {name}: expected a list of choices, or a range as a tuple (low, high). "
        f"Got {values!r}."
    )


def is_number(value: object) -> bool:
    """Say whether a value is a finite number."""
    numbers = (int, float, np.integer, np.floating)
    return isinstance(value, numbers) and not isinstance(value, bool) and math.isfinite(value)


def label(choice: Any) -> str | int | float | None:
    """Return a choice as optuna keeps it.

    >>> label("gru"), label(("log", "last"))
    ('gru', '["log", "last"]')
    """
    if choice is None or isinstance(choice, (str, int, float)):
        return choice
    return json.dumps(choice, default=str)


def distribution(values: Values) -> BaseDistribution:
    """Return choices or a range as optuna takes them."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(values, list):
        return CategoricalDistribution([label(choice) for choice in values])
    low, high = values
    log = by_factors(low, high)
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=log)
    return FloatDistribution(low, high, log=log)


def by_factors(low: float, high: float) -> bool:
    """Say whether a range is wide enough for its logarithm to be even, and has one."""
    return bool(low > 0 and high >= WIDE * low)


def holds(values: Values, own: Any) -> bool:
    """Say whether an argument is one of the choices, or lies in the range."""
    if isinstance(values, list):
        return label(own) in [label(choice) for choice in values]
    if not is_number(own) or not values[0] <= own <= values[1]:
        return False
    return isinstance(own, int) or not all(isinstance(end, int) for end in values)


@contextmanager
def warnings_only() -> Iterator[None]:
    """Let optuna log nothing below a warning."""
    import optuna  # noqa: F401  # It sets its logger up when it is imported.

    logger = logging.getLogger("optuna")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def opened(path: Path | None, identity: str) -> Iterator[optuna.Study]:
    """Make a study, or go on with the one in a file, which is let go of in the end.

    Raises:
        DataError: the file is no study, or one of something else.
    """
    import optuna

    if path is None:
        yield optuna.create_study(study_name=STUDY_NAME)
        return
    from sqlalchemy.exc import SQLAlchemyError

    # In the URL itself a path would have to be without question marks and braces.
    connect = partial(sqlite3.connect, path, check_same_thread=False)
    try:
        storage = optuna.storages.RDBStorage("sqlite:///study", {"creator": connect})
        study = optuna.create_study(storage=storage, study_name=STUDY_NAME, load_if_exists=True)
        kept = study.user_attrs.get("identity")
    except (SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError) as error:
        reason = getattr(error, "orig", None) or error
        raise DataError(
            f"{path} cannot be used as a study ({one_line(reason)}); name another file"
        ) from None
    try:
        if kept is None:
            study.set_user_attr("identity", identity)
        elif kept != identity:
            raise DataError(
                f"{path} is the study of other data, arguments, space or versions; name another "
                "file, or remove it to start anew"
            )
        yield study
    finally:
        storage.remove_session()
        storage.engine.dispose()


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that came to an end, with an error or with a reason why there is none."""
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


@dataclass(frozen=True)
class Search:
    """What all trials of a study have in common.

    Attributes:
        forecaster: The start.
        panel: The rows.
        space: Choices or a range for each argument.
        folds: Number of origins.
    """

    forecaster: Forecaster
    panel: Panel
    space: Mapping[str, Values]
    folds: int

    def identity(self) -> str:
        """Return a digest of all that errors and samples depend on."""
        own = self.forecaster.get_params()
        settings = [
            {name: value for name, value in own.items() if name not in ("checkpoint", "quiet")},
            {name: [type(values).__name__, *values] for name, values in self.space.items()},
            [self.folds, frequency_name(self.panel.frequency)],
            [keras.__version__, keras.backend.backend()],
        ]
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
        rows = pd.util.hash_pandas_object(self.panel.to_frame(), index=False)
        digest.update(rows.to_numpy().tobytes())
        return digest.hexdigest()

    def run(self, study: optuna.Study, trials: int, max_time: float | None, quiet: bool) -> None:
        """Run trials until there are so many, or the time is up."""
        from optuna.trial import TrialState

        for left in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            # A process that was killed has left it.
            study.tell(left.number, state=TrialState.FAIL)
        begun = time.monotonic()
        done = finished(study)
        with StepBar(max(trials - len(done), 0), quiet) as bar:
            while len(done) < trials:
                if done and max_time is not None and time.monotonic() - begun >= max_time:
                    break
                errors = [trial.value for trial in done if trial.value is not None]
                best = f", least error so far {min(errors):.4g}" if errors else ""
                bar.tell(f"trial {len(done) + 1} of {trials}{best}")
                trial = self.next_trial(study, len(done))
                self.run_trial(study, trial, arguments_of(trial.params, self.space) if done else {})
                done = finished(study)

    def next_trial(self, study: optuna.Study, number: int) -> optuna.Trial:
        """Draw a trial; the first is the start, of which the space may hold a part only."""
        from optuna.samplers import TPESampler
        from optuna.trial import TrialState

        # Seeded for each trial: after an interrupt the next one is drawn as without it.
        seed = np.random.SeedSequence([self.forecaster.seed, number]).generate_state(1)[0]
        study.sampler = TPESampler(seed=int(seed), constant_liar=False)
        names = list(self.space)
        if number == 0:
            own = self.forecaster.get_params()
            names = [name for name in names if holds(self.space[name], own[name])]
            if not study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
                study.enqueue_trial({name: label(own[name]) for name in names})
        return study.ask({name: distribution(self.space[name]) for name in names})

    def run_trial(
        self, study: optuna.Study, trial: optuna.Trial, changes: Mapping[str, Any]
    ) -> None:
        """Measure the error with some arguments changed, and write it down."""
        from optuna.trial import TrialState

        begun = time.monotonic()
        error, state = None, TrialState.FAIL  # as it stays after an interrupt
        try:
            error = trial_error(self.forecaster.clone(**changes), self.panel, self.folds)
            state = TrialState.COMPLETE
        except DataError as reason:
            trial.set_user_attr("reason", one_line(reason))
            state = TrialState.PRUNED
        finally:
            trial.set_user_attr("seconds", time.monotonic() - begun)
            study.tell(trial, error, state)

    def changes(self, done: list[FrozenTrial], number: int) -> dict[str, Any]:
        """Return what a trial changed in the forecaster; the first one nothing."""
        return arguments_of(done[number].params, self.space) if number else {}

    def table(self, done: list[FrozenTrial]) -> pd.DataFrame:
        """Return a row for each trial; see `Tuning.trials`."""
        own = self.forecaster.get_params()
        used = [own | self.changes(done, number) for number in range(len(done))]
        columns: dict[str, Any] = {
            "number": np.arange(len(done)),
            "error": np.array([trial.value for trial in done], "float64"),
            "seconds": [trial.user_attrs["seconds"] for trial in done],
        }
        for name in self.space:
            values = [arguments[name] for arguments in used]
            plain = all(isinstance(value, (str, int, float)) for value in values)
            columns[name] = pd.Series(values, dtype=None if plain else object)
        columns["reason"] = [trial.user_attrs.get("reason", "") for trial in done]
        return pd.DataFrame(columns)


def trial_error(forecaster: Forecaster, panel: Panel, folds: int) -> float:
    """Return a forecaster's error at the last origins of a panel.

    Series on which the naive forecast has no error that could be told, such as a mean
    absolute scaled error where the history is constant, count for none.

    Raises:
        DataError: there are too few rows, or the forecast is not finite.
    """
    # Intervals take time and leave the forecast as it is, but for those learned with it.
    levels = forecaster.levels if forecaster.intervals == "quantile" else ()
    candidate = forecaster.clone(levels=levels, checkpoint=None, quiet=True)
    result = backtest(candidate, panel, folds=folds)
    by_series = result.by_series[result.metric]
    errors, naive = (by_series.xs(name, level="model").to_numpy() for name in (NETWORK, NAIVE))
    if not np.isfinite(naive).any():
        raise DataError("every series is constant before the first origin; more rows are needed")
    return float(errors[np.isfinite(naive)].mean())


def arguments_of(params: Mapping[str, Any], space: Mapping[str, Values]) -> dict[str, Any]:
    """Return the arguments that optuna's parameters stand for.

    Numbers that are not whole get as few digits as one would type: two, or as many as tell a
    hundredth of the range.

    >>> arguments_of({"dropout": 0.17984, "units": 63}, {"dropout": (0.0, 0.5), "units": (8, 64)})
    {'dropout': 0.18, 'units': 63}
    """
    arguments = dict(params)
    for name, values in space.items():
        if isinstance(values, list):
            arguments[name] = next(value for value in values if label(value) == params[name])
        elif isinstance(params[name], float):
            low, high = values
            arguments[name] = min(max(rounded(params[name], high - low), low), high)
    return arguments


def rounded(value: float, spread: float) -> float:
    """Return a number to two digits, or to a hundredth of the spread where that is finer.

    >>> rounded(0.0052296, 0.5), rounded(0.30219, 0.003)
    (0.0052, 0.30219)
    """
    places = [1 - math.floor(math.log10(size)) for size in (abs(value), spread / 10) if size]
    return round(value, max(places))


def plot_tuning(tuning: Tuning, *, width: float = 10.0) -> Figure:
    """Draw the error by trial with the best so far, and by each argument.

    Args:
        tuning: What `tune` returned.
        width: In inches.
    """
    from matplotlib.ticker import MaxNLocator

    from kerasrnn.forecasting.plotting import HISTORY, LIGHT, TEST, figure_of, heading

    table = tuning.trials
    figure, (first, *panels) = figure_of(1 + len(tuning.space), width, columns=3)
    errors, numbers = table["error"], table["number"] + 1
    failed = numbers[errors.isna()]
    bottom = first.get_xaxis_transform()
    first.plot(failed, [0.03] * len(failed), "x", color=LIGHT, transform=bottom)
    first.plot(numbers, errors, "o", color=HISTORY, markersize=4)
    first.step(numbers, errors.cummin().ffill(), color=TEST, where="post")
    first.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    first.set_xlabel("crosses: no result" if len(failed) else "the first is the start")
    first.set_ylabel(tuning.metric.upper())
    heading(first, "Trials, and the least error")
    known = table[errors.notna()]
    for axes, (name, values) in zip(panels, tuning.space.items(), strict=True):
        draw_argument(axes, known[name], known["error"], values)
    if by_factors(errors.min(), errors.max()):
        for axes in (first, *panels):
            axes.set_yscale("log")
            label_factors(axes.yaxis)
    return figure


def draw_argument(axes: Axes, used: pd.Series, errors: pd.Series, values: Values) -> None:
    """Draw the errors over the values of an argument; a star marks the best trial."""
    from matplotlib.ticker import MaxNLocator

    from kerasrnn.forecasting.plotting import HISTORY, TEST, heading

    best = int(errors.argmin())
    if isinstance(values, list):
        # The start's own may be none of the choices.
        order = list(dict.fromkeys(map(choice_name, [*values, *used])))
        places = np.array([order.index(choice_name(value)) for value in used], "float64")
        crowded = sum(map(len, order)) > MOST_LETTERS
        turned: Any = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if crowded else {}
        axes.set_xticks(range(len(order)), order, **turned)
        axes.set_xlim(-0.5, len(order) - 0.5)
    else:
        places = np.array([value if is_number(value) else np.nan for value in used], "float64")
        # The start's own may lie outside the range.
        low, high = np.nanmin([*values, *places]), np.nanmax([*values, *places])
        if by_factors(*values):
            axes.set_xscale("log")
            axes.set_xlim(low / EDGE, high * EDGE)  # a narrower one crowds its labels
            label_factors(axes.xaxis)
        else:
            whole, margin = isinstance(values[1], int), 0.05 * (high - low)
            axes.set_xlim(low - margin, high + margin)
            ticks = MaxNLocator(6, steps=[1, 2, 5, 10], integer=whole, min_n_ticks=1)
            axes.xaxis.set_major_locator(ticks)
        if np.isnan(places).any():
            axes.set_xlabel("not shown: the start, which left it open")
    axes.plot(places, errors, "o", color=HISTORY, markersize=4, alpha=0.7)
    axes.plot(places[best], errors.iloc[best], "*", color=TEST, markersize=13)
    heading(axes, str(used.name).replace("_", " "))


def choice_name(choice: Any) -> str:
    """Return a choice as a picture shows it."""
    from kerasrnn.forecasting.plotting import literal

    if choice is None:
        return "default"
    return literal(" ".join(map(str, choice)) if isinstance(choice, (list, tuple)) else choice)


def label_factors(axis: Axis) -> None:
    """Label a logarithmic axis with plain numbers."""
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
