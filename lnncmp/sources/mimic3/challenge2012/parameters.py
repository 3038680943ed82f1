"""The parameters of the PhysioNet Challenge 2012: which are the case's variables, and all 41 with units and ranges.

Ranges are those outside of which a value is an artefact; -1, which means "missing", is outside of all. Those of the
case's variables are its own; the others were chosen after the outlier bounds of MIMIC-Extract.
"""

from lnncmp.sources.mimic3.extraction.columns import Columns
from lnncmp.sources.mimic3.extraction.items import ARTERIAL, Convert, Item
from lnncmp.sources.mimic3.variables import CORE, VARIABLES, Variable

RECORD_ID = "RecordID"

ALL: tuple[Variable, ...] = (
    Variable("Age", "age", "years", 0.0, 120.0),
    Variable("Gender", "sex, 0 female or 1 male", "0 or 1", 0.0, 1.0),
    Variable("Height", "height", "cm", 100.0, 240.0),
    Variable("ICUType", "unit: 1 coronary, 2 cardiac surgery, 3 medical, 4 surgical", "1 to 4", 1.0, 4.0),
    Variable("Weight", "body weight", "kg", 20.0, 300.0),
    Variable("Albumin", "albumin", "g/dL", 0.1, 10.0),
    Variable("ALP", "alkaline phosphatase", "IU/L", 1.0, 4000.0),
    Variable("ALT", "alanine transaminase", "IU/L", 1.0, 20000.0),
    Variable("AST", "aspartate transaminase", "IU/L", 1.0, 40000.0),
    Variable("Bilirubin", "bilirubin", "mg/dL", 0.05, 66.0),
    Variable("BUN", "blood urea nitrogen", "mg/dL", 0.0, 275.0),
    Variable("Cholesterol", "cholesterol", "mg/dL", 10.0, 660.0),
    Variable("Creatinine", "creatinine", "mg/dL", 0.05, 66.0),
    Variable("DiasABP", "diastolic pressure, arterial line", "mmHg", 5.0, 225.0),
    Variable("FiO2", "inspired oxygen", "fraction", 0.2, 1.0),
    Variable("GCS", "Glasgow coma scale, sum", "points", 3.0, 15.0),
    Variable("Glucose", "blood glucose", "mg/dL", 20.0, 2000.0),
    Variable("HCO3", "bicarbonate", "mmol/L", 2.0, 66.0),
    Variable("HCT", "hematocrit", "%", 5.0, 75.0),
    Variable("HR", "heart rate", "bpm", 10.0, 300.0),
    Variable("K", "potassium", "mEq/L", 1.0, 15.0),
    Variable("Lactate", "lactate", "mmol/L", 0.1, 33.0),
    Variable("Mg", "magnesium", "mmol/L", 0.2, 22.0),
    Variable("MAP", "mean pressure, arterial line", "mmHg", 14.0, 330.0),
    Variable("MechVent", "mechanical ventilation, 1 where on", "0 or 1", 0.0, 1.0),
    Variable("Na", "sodium", "mEq/L", 50.0, 225.0),
    Variable("NIDiasABP", "diastolic pressure, cuff", "mmHg", 5.0, 225.0),
    Variable("NIMAP", "mean pressure, cuff", "mmHg", 14.0, 330.0),
    Variable("NISysABP", "systolic pressure, cuff", "mmHg", 20.0, 300.0),
    Variable("PaCO2", "partial pressure of carbon dioxide", "mmHg", 5.0, 220.0),
    Variable("PaO2", "partial pressure of oxygen", "mmHg", 15.0, 770.0),
    Variable("pH", "arterial pH", "1", 6.3, 8.4),
    Variable("Platelets", "platelets", "cells/nL", 1.0, 2200.0),
    Variable("RespRate", "respiratory rate", "/min", 1.0, 80.0),
    Variable("SaO2", "oxygen saturation, blood gas", "%", 30.0, 100.0),
    Variable("SysABP", "systolic pressure, arterial line", "mmHg", 20.0, 300.0),
    Variable("Temp", "temperature", "C", 26.0, 45.0),
    Variable("TroponinI", "troponin I", "ug/L", 0.0, 575.0),
    Variable("TroponinT", "troponin T", "ug/L", 0.0, 24.0),
    Variable("Urine", "urine output", "mL", 0.0, 5000.0, "sum"),
    Variable("WBC", "white blood cells", "cells/nL", 0.1, 1100.0),
)
"""The five general descriptors, then 36 measured parameters, in the order of Rubanova et al. 2019; body weight is both
a descriptor and measured, and every descriptor stands at time 0."""

CODES = {parameter.name: code for code, parameter in enumerate(ALL)}
"""Number of each parameter: its column where all are asked for, and its ITEMID in the extraction."""


def _item(parameter: str, variable: str, rank: int = 0, convert: Convert = Convert.NONE) -> Item:
    return Item(CODES[parameter], variable, convert, rank)


_ITEMS = (
    _item("HR", "hr"),
    _item("SysABP", "sbp", ARTERIAL),
    _item("NISysABP", "sbp"),
    _item("DiasABP", "dbp", ARTERIAL),
    _item("NIDiasABP", "dbp"),
    _item("MAP", "map", ARTERIAL),
    _item("NIMAP", "map"),
    _item("RespRate", "rr"),
    _item("SaO2", "spo2"),
    _item("Temp", "temp"),
    _item("Glucose", "glucose"),
    _item("FiO2", "fio2", convert=Convert.PERCENT_ABOVE_ONE),
    _item("Urine", "urine"),
)

CASE_COLUMNS = Columns(VARIABLES, len(CORE), _ITEMS)
"""The case's twelve variables. The two scores of the coma scale are never observed: only its sum is recorded."""

ALL_COLUMNS = Columns(ALL, len(ALL), tuple(Item(code, parameter.name) for code, parameter in enumerate(ALL)))
"""All 41 parameters, each a row where any was recorded."""
