"""The MuJoCo model of Walker2d-v5: the XML file of the installed gymnasium, optionally with changed physics."""

import hashlib
import importlib.util
from pathlib import Path
from typing import Any

from lnncmp.errors import DataError
from lnncmp.sources.walker2d.simulated.recipe import Physics


def model_xml() -> bytes:
    """Return gymnasium's walker2d_v5.xml. Raises DataError if gymnasium or the file is missing."""
    found = importlib.util.find_spec("gymnasium")
    if found is None or found.origin is None:
        raise DataError("the package gymnasium, which has the Walker2d model, is missing", "pip install gymnasium")
    path = Path(found.origin).parent / "envs" / "mujoco" / "assets" / "walker2d_v5.xml"
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"the Walker2d model {path} cannot be read", "Install gymnasium again: pip install -U gymnasium"
        ) from error


def model_digest() -> str:
    """Return the SHA-256 of the model file."""
    return hashlib.sha256(model_xml()).hexdigest()


def build_model(physics: Physics | None = None) -> Any:
    """Return the compiled `mujoco.MjModel` (RK4, 0.002 s per step), changed as `physics` says.

    friction scales the sliding coefficient of every body and of the floor; mass scales the bodies' masses and
    inertias; damping scales the joints' damping; motors the gear of every motor.
    """
    import mujoco

    model = mujoco.MjModel.from_xml_string(model_xml().decode())
    change = physics or Physics()
    model.geom_friction[:, 0] *= change.friction
    model.opt.gravity[:] *= change.gravity
    model.dof_damping[:] *= change.damping
    model.actuator_gear[:, 0] *= change.motors
    if change.mass != 1.0:
        model.body_mass[:] *= change.mass
        model.body_inertia[:] *= change.mass
        # constants such as dof_invweight0 follow from the masses
        mujoco.mj_setConst(model, mujoco.MjData(model))
    return model
