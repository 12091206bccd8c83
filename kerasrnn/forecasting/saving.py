"""Keep a fitted forecaster in a directory, to be read on either backend.

`forecaster.json` holds the arguments and all measured numbers, `model.keras` the network, and
`history.csv` the rows that it forecasts from. Nothing is pickled; numbers are written with
as many digits as it takes to read back the same ones.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pandas as pd

from kerasrnn.forecasting.data.dates import zone_name
from kerasrnn.forecasting.data.frequency import Frequency
from kerasrnn.forecasting.data.options import Reading
from kerasrnn.forecasting.data.panel import Columns, Panel
from kerasrnn.forecasting.errors import DataError, one_line
from kerasrnn.forecasting.measures import Measures
from kerasrnn.forecasting.models import Design
from kerasrnn.forecasting.outputs import staged, write_json

if TYPE_CHECKING:
    from kerasrnn.forecasting.forecaster import Forecaster

FORMAT = 3
SETTINGS, NETWORK, HISTORY = FILES = ("forecaster.json", "model.keras", "history.csv")
# Where a run's state is kept, and whether it is shown, is no part of a forecaster.
LEFT_OUT = ("checkpoint", "quiet")


def save(forecaster: Forecaster, directory: Path) -> None:
    """Write a fitted forecaster; all files or none.

    Raises:
        DataError: the directory cannot be written to.
    """
    with staged(directory) as folder:
        write_json(folder / SETTINGS, settings(forecaster))
        forecaster.model_.save(folder / NETWORK)
        history_frame(forecaster.history_).to_csv(folder / HISTORY, index=False)


def load(kind: type[Forecaster], directory: Path) -> Forecaster:
    """Read a fitted forecaster.

    Raises:
        DataError: files are missing or damaged, or written by a newer version.
    """
    content = read_settings(directory)
    try:
        return restored(kind, content, directory)
    except DataError:
        raise
    except (KeyError, TypeError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{directory} is damaged ({one_line(error)}); save again") from None


def restored(kind: type[Forecaster], content: dict[str, Any], directory: Path) -> Forecaster:
    """Return the forecaster of which the settings were read."""
    forecaster = kind(**with_tuples(content["arguments"]))
    fitted = content["fitted"]
    forecaster.history_ = panel_from(content["panel"], directory / HISTORY)
    forecaster.measures_ = Measures.from_json(fitted["measures"])
    forecaster.season_ = forecaster.measures_.season
    forecaster.look_back_ = forecaster.measures_.look_back
    design = {**fitted["design"], "scaling": forecaster.measures_.scaling}
    design["quantiles"] = tuple(design["quantiles"])
    forecaster.design_ = Design(**design)
    forecaster.horizon_, forecaster.segment_ = design["horizon"], design["segment"]
    forecaster.levels_ = tuple(fitted["levels"])
    widths = np.array(fitted["widths"], "float64").reshape(forecaster.horizon, -1)
    forecaster.widths_ = np.nan_to_num(widths, nan=np.inf)
    forecaster.losses_, forecaster.epochs_ = fitted["losses"], fitted["epochs"]
    forecaster.model_ = keras.saving.load_model(directory / NETWORK, compile=False)
    return forecaster


def settings(forecaster: Forecaster) -> dict[str, Any]:
    """Return everything but the network and the rows, as JSON holds it."""
    panel = forecaster.history_
    arguments = {k: v for k, v in forecaster.get_params().items() if k not in LEFT_OUT}
    design = asdict(forecaster.design_)
    del design["scaling"]
    return {
        "format": FORMAT,
        "versions": {name: version(name) for name in ("kerasrnn", "keras")},
        "backend": keras.backend.backend(),
        "arguments": arguments,
        "fitted": {
            "measures": forecaster.measures_.to_json(),
            "design": design,
            "levels": forecaster.levels_,
            "widths": forecaster.widths_.tolist(),
            "epochs": forecaster.epochs_,
            "losses": forecaster.losses_,
        },
        "panel": {
            "ids": panel.ids,
            "offsets": panel.offsets.tolist(),
            "columns": asdict(panel.columns),
            "frequency": frequency_text(panel.frequency),
            "form": panel.form,
            "reading": asdict(panel.reading)
            | {"frequency": frequency_text(panel.reading.frequency)},
            "static": {str(name): panel.static[name].tolist() for name in panel.static.columns},
            "times": times_kind(panel.times),
        },
    }


def with_tuples(content: dict[str, Any]) -> dict[str, Any]:
    """Return settings with tuples again, where JSON has lists."""
    return {name: tuple(v) if isinstance(v, list) else v for name, v in content.items()}


def inside(directory: Path, name: str) -> str:
    """Return a hint where a file is missing in a command's output and stands in its forecaster."""
    meant = directory / "forecaster"
    return f"; did you mean {meant}?" if (meant / name).is_file() else ""


def read_settings(directory: Path) -> dict[str, Any]:
    """Read the settings, and check that this version understands them."""
    for name in FILES:
        if not (directory / name).is_file():
            raise DataError(
                f"{directory} is no saved forecaster: it has no {name}{inside(directory, name)}"
            )
    try:
        content = json.loads((directory / SETTINGS).read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{directory / SETTINGS} is damaged ({error}); save again") from None
    if not isinstance(content, dict):
        raise DataError(f"{directory / SETTINGS} is damaged; save again")
    found = content.get("format")
    if found != FORMAT:
        writer = content.get("versions", {}).get("kerasrnn", "(unknown)")
        older = isinstance(found, int) and found < FORMAT
        raise DataError(
            f"{directory} has format {found!r}, and this version of kerasrnn, "
            f"{version('kerasrnn')}, reads format {FORMAT}; it was written by kerasrnn {writer}: "
            + ("fit and save again" if older else "install that, or a newer one")
        )
    return dict(content)


def history_frame(panel: Panel) -> pd.DataFrame:
    """Return the rows of a panel as a table of plain numbers and times."""
    times = panel.times
    if isinstance(times, pd.DatetimeIndex) and times.tz is not None:
        times = times.tz_convert("UTC").tz_localize(None)
    table = {"series": np.repeat(np.arange(panel.num_series), panel.lengths), "time": times}
    cells = np.column_stack([panel.values, panel.past, panel.future])
    for name, column, given in zip(cell_names(panel.columns), cells.T, panel.given.T, strict=True):
        table |= {name: column, f"{name}_given": given.astype(int)}
    return pd.DataFrame(table)


def cell_names(columns: Columns) -> list[str]:
    """Return the names of a history's columns of numbers."""
    past, future = (
        [f"{kind}_{i}" for i in range(len(getattr(columns, kind)))] for kind in ("past", "future")
    )
    return ["value", *past, *future]


def panel_from(content: dict[str, Any], path: Path) -> Panel:
    """Undo `history_frame` and the settings of a panel."""
    # As text, which NumPy turns into the nearest numbers; some versions of pandas do not.
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    offsets = np.array(content["offsets"])
    if len(table) != offsets[-1]:
        raise DataError(f"{path} has {len(table)} rows instead of {offsets[-1]}; save again")
    columns = Columns(**with_tuples(content["columns"]))
    names, past = cell_names(columns), 1 + len(columns.past)
    cells = numbers(table[names])
    frequency = content["frequency"]
    return Panel(
        ids=tuple(content["ids"]),
        offsets=offsets,
        times=times_from(table["time"], content["times"]),
        values=np.ascontiguousarray(cells[:, 0]),
        past=cells[:, 1:past],
        future=cells[:, past:],
        given=numbers(table[[f"{name}_given" for name in names]]) > 0,
        static=pd.DataFrame(content["static"], index=range(len(content["ids"]))),
        columns=columns,
        frequency=pd.tseries.frequencies.to_offset(frequency)
        if isinstance(frequency, str)
        else frequency,
        form=content["form"],
        reading=Reading(**content["reading"]),
    )


def numbers(text: pd.DataFrame) -> np.ndarray:
    """Return text as numbers."""
    return text.to_numpy(dtype=object).astype("float64")


def frequency_text(frequency: Frequency | str | None) -> str | int | None:
    """Return a frequency as JSON holds it.

    Raises:
        DataError: its name does not tell all of it.
    """
    if not isinstance(frequency, pd.offsets.BaseOffset):
        return frequency
    try:
        again = pd.tseries.frequencies.to_offset(frequency.freqstr)
        told = again == frequency and not frequency.freqstr.startswith("C")  # has holidays
    except ValueError:
        told = False
    if not told:
        raise DataError(
            f"the frequency {frequency} cannot be saved, for its name does not tell all of it; "
            "name one such as D, B or MS with --frequency"
        )
    return frequency.freqstr


def times_kind(times: pd.Index) -> dict[str, Any]:
    """Return what it takes to read times back."""
    if not isinstance(times, pd.DatetimeIndex):
        return {"dates": False, "name": times.name}
    zone = None if times.tz is None else zone_name(times.tz)
    if times.tz is not None and zone is None:
        raise DataError(
            f"the time zone {times.tz} cannot be saved, for it has no name; give the times in one "
            "that has, for example with tz_convert('Europe/Berlin')"
        )
    return {"dates": True, "name": times.name, "zone": zone, "unit": times.unit}


def times_from(column: pd.Series, kind: dict[str, Any]) -> pd.Index:
    """Read times back."""
    if not kind["dates"]:
        return pd.Index(column.astype("int64").to_numpy(), name=kind["name"])
    times = pd.DatetimeIndex(pd.to_datetime(column, format="ISO8601")).as_unit(kind["unit"])
    if kind["zone"] is not None:
        times = times.tz_localize("UTC").tz_convert(kind["zone"])
    return times.rename(kind["name"])
