"""TensorBoard: a folder of events for each run, with its learning curves, results and hyperparameters."""

import io
import math
from pathlib import Path
from typing import Any

from lnncmp.common.files import write_bytes
from lnncmp.records.read import Records
from lnncmp.results.formats.base import ResultFormat
from lnncmp.results.run_log import RunLog, run_logs


def write(records: Records, path: Path, place: Path) -> None:
    """Write one file of events for each run, PROJECT/RUN/events.out.tfevents.RUN_ID; times are seconds of training."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb
    from tensorboard.summary.writer.record_writer import RecordWriter

    for log in run_logs(records):
        content = io.BytesIO()
        file = RecordWriter(content)
        file.write(Event(wall_time=0.0, file_version="brain.Event:2").SerializeToString())
        settings = Event(wall_time=0.0, summary=hparams_pb(dict(log.settings), trial_id=log.run_id))
        file.write(settings.SerializeToString())
        for step, seconds, name, value in _scalars(log):
            event: Any = Event(wall_time=seconds, step=step)
            event.summary.value.add(tag=name, simple_value=value)
            file.write(event.SerializeToString())
        write_bytes(path / log.project / log.name / f"events.out.tfevents.{log.run_id}", content.getvalue())


def _scalars(log: RunLog) -> list[tuple[int, float, str, float]]:
    """Return (epoch, seconds, name, value) of every finite number, results at the last epoch, curves at their steps."""
    last = log.points[-1].epoch if log.points else 0
    found = [(point.epoch, point.seconds, name, value) for point in log.points for name, value in point.values.items()]
    found += [(last, log.seconds, name, value) for name, value in log.results.items()]
    found += [(step, log.seconds, name, value) for name, curve in log.curves.items() for step, value in curve]
    return [one for one in found if math.isfinite(one[3])]


FORMAT = ResultFormat("Files of events for TensorBoard, a folder for each run.", "", write, "tensorboard")
