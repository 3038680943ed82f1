"""What one frame of a Walker2d recording holds: 17 columns, the same in the simulated and the original rollouts.

It is the observation of Gym's Walker2d without the forward position: 8 positions, then 9 velocities clipped to
+-`VELOCITY_LIMIT`. This module is shared by both sources and the case; it is no source itself.
Reference: Gymnasium, environment Walker2d-v5, table "Observation Space".
"""

VELOCITY_LIMIT = 10.0
"""Velocities (m/s or rad/s) are clipped to plus and minus this value."""

FRAME_SECONDS = 0.008
"""Seconds from one frame to the next: 4 simulation steps of 0.002 s, that is 125 frames per second."""

OBSERVATION: tuple[tuple[str, str, str], ...] = (
    ("height", "m", "height of the torso above the ground"),
    ("pitch", "rad", "angle of the torso, 0 is upright"),
    ("thigh_right", "rad", "angle of the right thigh joint"),
    ("leg_right", "rad", "angle of the right leg (knee) joint"),
    ("foot_right", "rad", "angle of the right foot (ankle) joint"),
    ("thigh_left", "rad", "angle of the left thigh joint"),
    ("leg_left", "rad", "angle of the left leg (knee) joint"),
    ("foot_left", "rad", "angle of the left foot (ankle) joint"),
    ("forward_velocity", "m/s", "velocity of the torso along the way"),
    ("vertical_velocity", "m/s", "velocity of the torso upwards"),
    ("pitch_velocity", "rad/s", "angular velocity of the torso"),
    ("thigh_right_velocity", "rad/s", "angular velocity of the right thigh joint"),
    ("leg_right_velocity", "rad/s", "angular velocity of the right leg joint"),
    ("foot_right_velocity", "rad/s", "angular velocity of the right foot joint"),
    ("thigh_left_velocity", "rad/s", "angular velocity of the left thigh joint"),
    ("leg_left_velocity", "rad/s", "angular velocity of the left leg joint"),
    ("foot_left_velocity", "rad/s", "angular velocity of the left foot joint"),
)
"""(name, unit, meaning) of each column, in order."""
