"""Train a recurrent network on one or many series, and forecast from it."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pandas as pd

from kerasrnn.forecasting.arguments import check_arguments, plain
from kerasrnn.forecasting.conformal import errors_needed, interval_widths, least_count
from kerasrnn.forecasting.data.ahead import future_values
from kerasrnn.forecasting.data.following import append, read_more
from kerasrnn.forecasting.data.options import as_names
from kerasrnn.forecasting.data.panel import Panel
from kerasrnn.forecasting.data.reading import read, require_known
from kerasrnn.forecasting.errors import DataError, require_positive
from kerasrnn.forecasting.measures import PROBED_WINDOWS, Measures, measure
from kerasrnn.forecasting.models import LAYERS, Design, forecast_model
from kerasrnn.forecasting.predicting import Predictor
from kerasrnn.forecasting.scaling import (
    LOG,
    MIX,
    SEASONAL,
    SHIFTED,
    parse_normalization,
)
from kerasrnn.forecasting.splitting import calibration_rows, default_look_back, validation_rows
from kerasrnn.forecasting.training import Training, default_epochs, train
from kerasrnn.forecasting.windows import (
    Rows,
    WindowBatches,
    last_windows,
    spread_out,
    window_starts,
)
from kerasrnn.forecasting.wording import there_are

if TYPE_CHECKING:
    from kerasrnn.forecasting.backtest import Backtest

DEFAULT_LEVELS = (80,)
BATCH_SIZE, LARGE_BATCH_SIZE, MANY_WINDOWS = 32, 256, 10_000
LEAST_WINDOWS = 4
SEGMENT = 24


class Forecaster:
    """A recurrent network that forecasts one series, or thousands, from their own past.

    The network sees `look_back` steps and gives all steps of the horizon at once, as a
    correction to a naive forecast with growth; one network serves all series.

    >>> forecaster = Forecaster(horizon=12, epochs=1).fit(air_passengers())
    >>> forecast = forecaster.predict()
    >>> forecast.index[0], list(forecast.columns)
    (Timestamp('1961-01-01 00:00:00'), ['forecast', 'forecast-lo-80', 'forecast-hi-80'])

    Args:
        horizon: Steps that are forecast at once. Default 12.
        look_back: Steps that the network sees. Default: two seasons; where there is no
            season, twice the steps that the network gives, at least 24; less where the series
            are short.
        model: `"rnn"`, `"lstm"`, `"gru"` (default), `"encoder_decoder"` or `"segment"`; see
            `kerasrnn.forecasting.models.Design`.
        cell: Kind of recurrent layer in the last two models. Default `"gru"`.
        strategy: `"direct"` (default): the network gives all steps of the horizon at once;
            `"recursive"`: it gives one, which is fed back.
        units, num_layers, bidirectional: Of the recurrent encoder. Default 32, 1, False.
        dropout: Share of the encoder's outputs dropped in training. Default 0.2.
        segment: Steps of the window that are one step of the network, such as a day of hours.
            Default 1; for the model `"segment"` a season, or 24.
        normalization: `"auto"` (default), `"standard"`, `"last"`, `"mean"`, `"window"`,
            `"seasonal"`, `"shifted"`, `"mix"`, `"difference"`, `"log"`, or a tuple of `"log"` and
            another; see
            `kerasrnn.forecasting.scaling.Scaling`.
        series_scale: What each series is divided by: `"naive"` (default), the error of
            (seasonal) naive, or `"deviation"`, the standard deviation. It weighs the
            series of a panel against each other.
        season: Steps in a season. Default: from the frequency, 12 where monthly.
        cycle: Steps of a cycle that is learned for each series. Default None.
        embed_series: Let the network see which series it is. Default False.
        calendar: Features made from the times: some of `"hour"`, `"weekday"`, `"monthday"`,
            `"month"`, `"yearday"`. Default none.
        loss: `"mse"` (default), `"mae"` or `"huber"`; not used with quantiles.
        levels: Prediction intervals, in percent. Default: `(80,)`, or none where there are too
            few rows to calibrate them. `()` for none.
        intervals: `"conformal"` (default): as wide as errors on rows that the network was
            not trained on; `"quantile"`: the network learns them by pinball loss;
            `"dropout"`: spread over forecasts with dropout (Monte-Carlo dropout), which leaves
            out the noise of the series and so is too narrow. Beyond the horizon the first two
            grow with the square root of the time ahead, as those of a random walk do.
        num_members: Networks that are trained side by side, and averaged; the best pass is the
            one that is best for all together. Default 1.
        epochs: Most passes over the training windows. Default: about 400 training steps,
            at least 10 passes; no more than 1500 steps, but one pass at least.
        stride: Rows between the windows that are trained on, counted back from the end of each
            series. Default 1.
        batch_size: Windows in a batch. Default 32, or 256 from 10,000 windows on.
        learning_rate: Of Adam, at the start; it falls to 0 along a cosine. Default 3e-3.
        patience: Passes without a better validation loss after which training stops.
            Default 25.
        validation: Rows at the end of each series that early stopping looks at and training
            leaves out; 0 for none. Default: about a tenth, where there are enough rows.
        max_time: Seconds after which no further pass over the windows begins, in each training;
            a short series takes two, the second one for its intervals.
        checkpoint: Directory that keeps the state of the training, from which `fit` goes on
            after an interrupt as if there had been none.
        seed: Governs initial weights, dropout and the order of the windows. `fit`, and `predict`
            with dropout intervals, seed the generators of Python, NumPy and the backend.
        quiet: Show no progress bar.

    Attributes:
        history_: The series that were fitted, with the rows of `update`; a `Panel`.
        model_: The trained Keras model, from scaled windows to scaled forecasts.
        measures_: All numbers that were measured on the training rows.
        design_: What the network was built from.
        look_back_, season_, levels_: What was used.
        widths_: (horizon, levels) reach of the conformal intervals, scaled; no levels where
            they are of another kind.
        epochs_: Number of passes that were made.
        losses_: Loss after each pass, under `"loss"` and, where windows were held out for
            early stopping, `"val_loss"`, of errors in multiples of the base forecast's.

    Raises:
        DataError: an argument is out of range.
    """

    def __init__(
        self,
        horizon: int = 12,
        look_back: int | None = None,
        *,
        model: str = "gru",
        cell: str = "gru",
        strategy: str = "direct",
        units: int = 32,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.2,
        segment: int | None = None,
        normalization: str | Sequence[str] = "auto",
        series_scale: str = "naive",
        season: int | None = None,
        cycle: int | None = None,
        embed_series: bool = False,
        calendar: Sequence[str] = (),
        loss: str = "mse",
        levels: Sequence[float] | None = None,
        intervals: str = "conformal",
        num_members: int = 1,
        epochs: int | None = None,
        stride: int = 1,
        batch_size: int | None = None,
        learning_rate: float = 3e-3,
        patience: int = 25,
        validation: int | None = None,
        max_time: float | None = None,
        checkpoint: str | Path | None = None,
        seed: int = 0,
        quiet: bool = True,
    ) -> None:
        self.horizon = horizon
        self.look_back = look_back
        self.model = model
        self.cell = cell
        self.strategy = strategy
        self.units = units
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.segment = segment
        self.normalization = normalization
        self.series_scale = series_scale
        self.season = season
        self.cycle = cycle
        self.embed_series = embed_series
        self.calendar = calendar
        self.loss = loss
        self.levels = levels
        self.intervals = intervals
        self.num_members = num_members
        self.epochs = epochs
        self.stride = stride
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.validation = validation
        self.max_time = max_time
        self.checkpoint = checkpoint
        self.seed = seed
        self.quiet = quiet
        for name, value in self.get_params().items():
            setattr(self, name, plain(value))
        check_arguments(self.get_params())

    def fit(self, data: Any, **reading: Any) -> Forecaster:
        """Train a new network.

        Args:
            data: Path of a CSV, TSV or Parquet file, a Series, a DataFrame or a `Panel`; see
                `kerasrnn.forecasting.data.reading.read`.
            **reading: How it is to be read: `target`, `time`, `unique_id`, covariates, `fill`
                and so on; see `kerasrnn.forecasting.data.reading.Reading`.

        Raises:
            DataError: the data cannot be used, or are too few.
        """
        vars(self).pop("widths_", None)  # a fit that fails leaves nothing to forecast from
        return self._fit(self.read(data, **reading), "training")

    def read(self, data: Any, **reading: Any) -> Panel:
        """Read series as `fit` does: a season of the forecaster's is theirs, too.

        Args:
            data, **reading: As for `fit`.

        Returns:
            The series; a `Panel` that is given stays as it is.

        Raises:
            DataError: the data cannot be used.
        """
        if self.season is not None and "reading" not in reading and not isinstance(data, Panel):
            reading = {"season": self.season} | reading
        return read(data, **reading)

    def _fit(self, panel: Panel, doing: str) -> Forecaster:
        """Train a new network; `doing` is what the progress bar says."""
        self.season_ = self.season or panel.season
        self.horizon_ = 1 if self.strategy == "recursive" else self.horizon
        rows = int(np.median(panel.lengths))
        self.look_back_ = self.look_back or default_look_back(rows, self.horizon_, self.season_)
        usual = (self.season_ if self.season_ > 1 else SEGMENT) if self.model == "segment" else 1
        self.segment_ = self.segment or usual
        self._require_windows(panel)
        self._require_model(panel)
        self.history_ = panel
        self.measures_ = measure(
            panel,
            self.look_back_,
            self.horizon_,
            self.season_,
            normalization=self.normalization,
            series_scale=self.series_scale,
            calendar=as_names(self.calendar),
        )
        self.levels_ = self._levels(panel)
        self.design_ = self._design()
        keras.utils.set_random_seed(self.seed)
        self.model_: keras.Model = forecast_model(self.design_)
        prepared = self.measures_.rows(panel)
        held_out = self._train(prepared, f"{doing} {self.model}")
        self.widths_ = np.zeros((self.horizon, 0))
        if self.levels_ and self.intervals == "conformal":
            needed = errors_needed(self.levels_[-1])
            errors, _ = self._errors(panel, held_out)
            if least_count(errors) < needed:
                errors = self._refit_errors()
            if least_count(errors) < needed:
                self.levels_ = self._without_intervals(panel)
            self.widths_ = interval_widths(errors, self.levels_)
        return self

    def predict(
        self,
        horizon: int | None = None,
        *,
        future: pd.DataFrame | str | Path | None = None,
        **reading: Any,
    ) -> pd.DataFrame:
        """Forecast past the end of the series.

        Args:
            horizon: Number of steps, any number; a longer horizon than the network's is
                reached by feeding forecasts back, where past covariates stay as they
                were last. Default: the forecaster's.
            future: The rows that follow, with the covariates known ahead. Needed where there
                are such.
            **reading: How those are to be read. Default: as the data of the fit were.

        Returns:
            Columns `forecast` and, for each level, `forecast-lo-80` and `forecast-hi-80`;
            indexed by time for one series, else with columns `unique_id` and `ds`. A series
            that was of one value so far has no intervals: nothing tells how it would move.

        Raises:
            DataError: nothing was fitted, rows of `future` are missing, or a forecast is not
                finite.
        """
        self._require_fitted()
        require_positive(horizon=horizon)
        require_known(reading)
        steps = self.horizon if horizon is None else horizon
        panel = self.history_
        known = np.zeros((panel.num_series, steps, 0))
        if panel.columns.future:
            if future is None:
                raise DataError(
                    f"covariates known ahead ({', '.join(panel.columns.future)}) are needed for "
                    f"the {steps} rows to forecast; give these rows with --future-file"
                )
            known = future_values(future, panel, steps, **reading)
        elif future is not None or reading:
            given = ", ".join(["future"] * (future is not None) + list(reading))
            raise DataError(
                f"{given}: no covariates known ahead were named when the forecaster was fitted; "
                "forecast without"
            )
        return self._frame(self.table_after(panel, steps, known), steps)

    def forecast_from(
        self, data: Any, origins: np.ndarray, horizon: int | None = None, **reading: Any
    ) -> np.ndarray:
        """Forecast from many rows of all series, such as every row of a test set.

        Nothing from an origin on is seen but the covariates known ahead, and what `fill` made of
        it where holes before the origin were closed.

        Args:
            data: Series in the order of those that were fitted; see `fit`.
            origins: (origins,) numbers of the first row to forecast, counted from the start of
                each series; the `look_back_` rows before it must be there.
            horizon: Number of steps. Default: the forecaster's.
            **reading: How the data are to be read. Default: as those of the fit were.

        Returns:
            (origins, horizon, series).

        Raises:
            DataError: the series are others than those of the fit, or too short.
        """
        self._require_fitted()
        require_positive(horizon=horizon)
        panel = read_more(data, self.history_, **reading)
        self.history_.require_alike(panel.columns, panel.times)
        steps = self.horizon if horizon is None else horizon
        if self.design_.cycle and panel.times.min() != self.history_.times.min():
            raise DataError(
                f"a learned cycle is counted from {self.history_.times.min()}, where the data of "
                f"the fit began. Got data that begin at {panel.times.min()}; give all rows"
            )
        if panel.ids != self.history_.ids:
            raise DataError(
                f"expected the series of the fit, {', '.join(self.history_.ids[:5])}. Got "
                f"{', '.join(panel.ids[:5])}"
            )
        last = int(panel.lengths.min()) - (steps if self.design_.future else 0)
        if len(origins) and not self.look_back_ <= min(origins) <= max(origins) <= last:
            raise DataError(
                f"origins must be from {self.look_back_}, the look-back, to {last}. Got "
                f"{min(origins)} to {max(origins)}."
            )
        rows = self.measures_.rows(panel)
        ends = np.asarray(origins)[:, None] + rows.offsets[:-1]
        table = self.predictor().table(rows, ends.ravel(), steps)[:, :, 0]
        return np.swapaxes(table.reshape(len(ends), panel.num_series, steps), 1, 2)

    def update(self, data: Any, **reading: Any) -> Forecaster:
        """Take in rows that follow those of the fit, without training again.

        Args:
            data: New rows, read as in `fit`; of some series or all, or of new ones. Rows that
                repeat known ones are left out, so that a table that grows can be given whole.
            **reading: How they are to be read. Default: as the data of the fit were.

        Raises:
            DataError: the rows do not follow on those that are there, or give a known row
                another value.
        """
        self._require_fitted()
        history = append(self.history_, data, **reading)
        if history.num_series > self.design_.num_series and (
            self.design_.embed_series or self.design_.cycle
        ):
            new = history.ids[self.design_.num_series]
            raise DataError(
                f"series {new!r} was not in the data of the fit, and this network has learned "
                "something for each series; fit again with it"
            )
        measures = self.measures_.following(history)
        measures.rows(history)  # raises where the network cannot take a new row
        self.measures_ = measures
        self.history_ = history
        return self

    def backtest(self, data: Any, **options: Any) -> Backtest:
        """Forecast from origins in the past; see `kerasrnn.forecasting.backtest.backtest`."""
        from kerasrnn.forecasting.backtest import backtest

        return backtest(self, data, **options)

    def save(self, directory: str | Path) -> None:
        """Write everything into a directory; see `kerasrnn.forecasting.saving`."""
        from kerasrnn.forecasting.saving import save

        self._require_fitted()
        save(self, Path(directory))

    @classmethod
    def load(cls, directory: str | Path) -> Forecaster:
        """Read what `save` wrote, on either backend."""
        from kerasrnn.forecasting.saving import load

        return load(cls, Path(directory))

    def table_after(self, panel: Panel, steps: int, future: np.ndarray) -> np.ndarray:
        """Return the forecast of the rows that follow the last ones of a panel.

        Args:
            panel: Series in the order of those that were fitted.
            steps: Steps to forecast.
            future: (series, steps, covariates known ahead).

        Returns:
            (series, steps, columns), in the order of `forecast_columns`.

        Raises:
            DataError: a forecast is not finite.
        """
        measures = self.measures_.following(panel)
        rows = measures.rows(panel)
        ends = rows.offsets[1:]
        if self.design_.future:
            rows = measures.ahead(rows, panel, steps, future)
            ends = rows.offsets[1:] - steps
        table = self.predictor(measures).table(rows, ends, steps)
        if not np.isfinite(table[:, :, 0]).all():
            raise DataError(
                "the network's forecast is not finite; use a lower --learning-rate, fewer "
                "--epochs or another --normalization, or put the series in another unit"
            )
        return table

    def fitted_settings(self) -> dict[str, Any]:
        """Return what was chosen or found where the arguments left that open."""
        scaling = self.measures_.scaling
        return {
            "look_back": self.look_back_,
            "season": self.season_,
            "levels": self.levels_,
            "epochs": self.epochs_,
            "normalization": scaling.normalization,
            "log": scaling.log,
        }

    def __repr__(self) -> str:
        """Name the arguments that are not the default ones."""
        parameters = inspect.signature(type(self)).parameters
        told = [
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if repr(value) != repr(parameters[name].default)
        ]
        return f"{type(self).__name__}({', '.join(told)})"

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the arguments of the constructor; `deep` is there for scikit-learn only."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **changes: Any) -> Forecaster:
        """Change arguments of the constructor, for the next `fit`."""
        changed = self.clone(**changes)
        for name, value in changed.get_params().items():
            setattr(self, name, value)
        return self

    def clone(self, **changes: Any) -> Forecaster:
        """Return an unfitted forecaster with the same arguments, but for these."""
        return type(self)(**self.get_params() | changes)

    def predictor(self, measures: Measures | None = None) -> Predictor:
        """Return what makes forecasts at any rows, with the measures of the fit or later ones."""
        measures = measures or self.measures_
        return Predictor(
            self.model_, self.design_, measures, self.levels_, self.intervals, self.widths_
        )

    def _require_fitted(self) -> None:
        if not hasattr(self, "widths_"):
            raise DataError("call fit first: there is nothing to forecast from")

    def _require_windows(self, panel: Panel) -> None:
        length = self.look_back_ + self.horizon_
        windows = np.maximum(np.maximum(panel.lengths, self.look_back_) - length + 1, 0).sum()
        if windows < LEAST_WINDOWS:
            rows = int(panel.lengths.max())
            raise DataError(
                f"{there_are(rows, 'row')} too few to train on with a look-back of "
                f"{self.look_back_} and a horizon of {self.horizon_}, which need "
                f"{length + LEAST_WINDOWS - 1}; use a shorter --look-back or --horizon, or more "
                "rows"
            )

    def _require_model(self, panel: Panel) -> None:
        """Raise where the model cannot take what the data or the other arguments bring."""
        _, normalization = parse_normalization(self.normalization)
        if normalization in (SEASONAL, SHIFTED, MIX):
            needed = self.season_ + 2 * (normalization == SHIFTED)
            if self.season_ < 2 or self.look_back_ < needed:
                raise DataError(
                    f"--normalization {normalization} needs a season and a look-back of at least "
                    f"{needed} steps. Got a season of {self.season_} and a look-back of "
                    f"{self.look_back_}; use --season, --look-back or another --normalization"
                )
        if normalization == MIX and self.model not in LAYERS:
            raise DataError(f"--normalization mix needs --model {', '.join(LAYERS)}")
        if self.look_back_ < self.segment_:
            raise DataError(
                f"a segment of {self.segment_} steps needs a look-back of at least that. Got "
                f"{self.look_back_}; use a longer --look-back or a shorter --segment"
            )
        if self.model != "segment":
            return
        columns = panel.columns
        if columns.past or columns.future or columns.static or self.calendar:
            raise DataError(
                "--model segment takes no covariates and no --calendar; leave them out, or use "
                "another --model"
            )

    def _levels(self, panel: Panel) -> tuple[float, ...]:
        """Return the levels asked for, or the default ones where they can be had."""
        wanted = DEFAULT_LEVELS if self.levels is None else self.levels
        levels = tuple(sorted(float(level) for level in wanted))
        if self.intervals != "conformal" or not levels:
            return levels
        lengths, needed = panel.lengths, errors_needed(levels[-1])
        held_out = validation_rows(lengths, self.look_back_, self.horizon_, self.validation)
        if np.maximum(held_out - self.horizon + 1, 0).sum() >= needed:
            return levels
        drop = calibration_rows(lengths, self.horizon, levels[-1])
        kept = lengths - drop - self.look_back_ - self.horizon_
        calibrated = (drop - self.horizon + 1)[kept >= 0].sum()
        if (kept >= LEAST_WINDOWS - 1).any() and calibrated >= needed:
            return levels
        return self._without_intervals(panel)

    def _without_intervals(self, panel: Panel) -> tuple[float, ...]:
        """Return no levels, or raise where some were asked for."""
        if self.levels is None:
            return ()
        given = int(np.add.reduceat(panel.observed, panel.offsets[:-1]).max())
        raise DataError(
            f"{there_are(given, 'row')} too few to calibrate an interval of "
            f"{max(self.levels):g} %; use lower --levels, none, or --intervals quantile"
        )

    def _design(self) -> Design:
        measures, panel = self.measures_, self.history_
        covariates = measures.covariates
        quantiles: tuple[float, ...] = ()
        if self.intervals == "quantile" and self.levels_:
            tails = [(100 - level) / 200 for level in self.levels_]
            quantiles = tuple(sorted({*tails, 0.5, *(1 - tail for tail in tails)}))
        features = covariates.static_features(panel.static).shape[1]
        return Design(
            look_back=self.look_back_,
            horizon=self.horizon_,
            scaling=measures.scaling,
            model=self.model,
            cell=self.cell,
            units=self.units,
            num_layers=self.num_layers,
            bidirectional=self.bidirectional,
            dropout=self.dropout,
            segment=self.segment_,
            past=len(covariates.past),
            future=len(covariates.future) + 2 * len(covariates.calendar),
            static=features,
            num_series=panel.num_series,
            embed_series=self.embed_series,
            cycle=self.cycle or 0,
            quantiles=quantiles,
            num_members=self.num_members,
        )

    def _train(self, rows: Rows, title: str) -> np.ndarray:
        """Fit the network; return how many rows were held out at the end of each series."""
        look_back, horizon = self.look_back_, self.horizon_
        length = look_back + horizon
        drop = validation_rows(np.diff(rows.offsets), look_back, horizon, self.validation)
        starts = window_starts(rows.offsets, length, drop=drop, stride=self.stride)
        if not len(starts):
            raise DataError(
                f"--validation {self.validation} leaves no window of {length} rows to train on"
            )
        held_out = last_windows(rows.offsets, look_back, horizon, drop)
        batch_size = self.batch_size or (
            LARGE_BATCH_SIZE if len(starts) >= MANY_WINDOWS else BATCH_SIZE
        )
        names = [tensor.name for tensor in self.model_.inputs]
        common = (look_back, horizon, batch_size, names)
        batches = WindowBatches(rows, starts, *common, seed=self.seed)
        validation = WindowBatches(rows, held_out, *common) if len(held_out) else None
        training = Training(
            epochs=self.epochs or default_epochs(batches.num_batches),
            learning_rate=self.learning_rate,
            patience=self.patience,
            loss=self.loss,
            max_time=self.max_time,
            checkpoint=None if self.checkpoint is None else Path(self.checkpoint),
            title=title,
            quiet=self.quiet,
        )
        self.losses_ = train(self.model_, self.design_, batches, validation, training)
        self.epochs_ = len(self.losses_["loss"])
        return drop

    def _errors(self, panel: Panel, drop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return scaled errors of forecasts of the last rows.

        Args:
            panel: All rows.
            drop: (series,) how many rows at the end of each series are forecast.

        Returns:
            Errors (windows, horizon), NaN where a value was filled in, for series of one value, and
            for windows that end in a hole, which may have been closed with the value to forecast;
            and (windows,) the number of each window's series.
        """
        rows = self.measures_.rows(panel)
        starts = last_windows(rows.offsets, self.look_back_, self.horizon, drop)
        starts = spread_out(starts, PROBED_WINDOWS)
        if not len(starts):
            return np.zeros((0, self.horizon)), starts
        forecast = self.predictor().points(rows, starts + self.look_back_, self.horizon)
        actual = rows.targets(starts, self.look_back_, self.horizon).astype("float64")
        if self.measures_.scaling.log:
            forecast, actual = np.log(forecast), np.log(actual)
        ahead = starts[:, None] + np.arange(self.look_back_, self.look_back_ + self.horizon)
        series = rows.series_of(starts)
        observed = self.measures_.observed(panel)
        known = observed[ahead] & observed[ahead[:, :1] - 1]
        known &= ~self.measures_.series.constant[series][:, None]
        return np.where(known, actual - forecast, np.nan), series

    def _refit_errors(self) -> np.ndarray:
        """Return the errors that a copy, fitted to all but the last rows, makes on those."""
        panel = self.history_
        drop = calibration_rows(panel.lengths, self.horizon, self.levels_[-1])
        scaling = self.measures_.scaling
        long_enough = panel.lengths - drop >= self.look_back_ + self.horizon_
        drop = np.where(long_enough, drop, 0)
        copy = self.clone(
            look_back=self.look_back_,
            season=self.season_,
            normalization=(scaling.normalization, *([LOG] if scaling.log else [])),
            levels=(),
            validation=0,
            checkpoint=None if self.checkpoint is None else Path(self.checkpoint) / "calibration",
        )._fit(panel.until(drop), "calibrating")
        errors, series = copy._errors(panel, drop)
        if scaling.log:
            return errors
        units = copy.measures_.series.divisor / self.measures_.series.divisor
        return errors * units[series][:, None]

    def _frame(self, table: np.ndarray, steps: int) -> pd.DataFrame:
        """Return a table (series, steps, columns) as predict returns it."""
        panel = self.history_
        names = forecast_columns(self.levels_)
        if panel.form == "series":
            return pd.DataFrame(table[0], index=panel.future_times(0, steps), columns=names)
        times = [panel.future_times(i, steps) for i in range(panel.num_series)]
        frame = pd.DataFrame(table.reshape(-1, len(names)), columns=names)
        frame.insert(0, "ds", times[0].append(times[1:]) if len(times) > 1 else times[0])
        frame.insert(0, "unique_id", np.repeat(panel.ids, steps))
        return frame


def forecast_columns(levels: Sequence[float]) -> list[str]:
    """Return the names of a forecast's columns.

    >>> forecast_columns([80])
    ['forecast', 'forecast-lo-80', 'forecast-hi-80']
    """
    ends = [f"forecast-{end}-{level:g}" for level in levels for end in ("lo", "hi")]
    return ["forecast", *ends]
