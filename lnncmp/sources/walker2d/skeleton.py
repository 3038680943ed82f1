"""Where the limbs of the walker are, from the positions of one frame: forward kinematics in the plane of its walk.

The lengths are those of the body in Gymnasium's walker2d_v5.xml, which are those of its older versions too. The forward
position is no part of an observation: the middle of the torso is at 0.
"""

import math
from collections.abc import Sequence

from lnncmp.sources.walker2d.observation import OBSERVATION

POSITIONS = tuple(name for name, _, _ in OBSERVATION[:8])
"""The columns that make a posture: height and pitch of the torso, then thigh, leg and foot of each side."""

_TORSO, _THIGH, _LEG, _FOOT = 0.4, 0.45, 0.5, 0.2

Point = tuple[float, float]
"""Metres forwards of the torso's middle, metres above the ground."""


def limbs(positions: Sequence[float]) -> dict[str, list[Point]]:
    """Return the lines of a posture by name: the torso from its top to the hip, each leg from the hip to the toe.

    positions: the 8 values of `POSITIONS`, in m and rad.
    """
    height, pitch, *joints = positions
    top, hip = _moved((0.0, height), pitch, (0.0, _TORSO / 2)), _moved((0.0, height), pitch, (0.0, -_TORSO / 2))
    return {"torso": [top, hip], "right leg": _leg(hip, pitch, joints[:3]), "left leg": _leg(hip, pitch, joints[3:])}


def _leg(hip: Point, pitch: float, joints: Sequence[float]) -> list[Point]:
    """Return hip, knee, ankle and toe. A joint turns against the torso's pitch."""
    points, angle = [hip], pitch
    for joint, bone in zip(joints, ((0.0, -_THIGH), (0.0, -_LEG), (_FOOT, 0.0)), strict=True):
        angle -= joint
        points.append(_moved(points[-1], angle, bone))
    return points


def _moved(start: Point, angle: float, bone: Point) -> Point:
    """Return where a bone ends that begins at `start` and is turned forwards by `angle`, in rad."""
    sine, cosine = math.sin(angle), math.cos(angle)
    return start[0] + bone[0] * cosine + bone[1] * sine, start[1] - bone[0] * sine + bone[1] * cosine
