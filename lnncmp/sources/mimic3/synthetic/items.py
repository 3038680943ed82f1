"""The item numbers of both charting systems, with the units in which each item is written down."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Items:
    """Items of one charting system by what they record; `units` by item.

    arterial, cuff: systolic, diastolic, mean. gcs: eyes, words, motor. rest: lines that are not the patient's state,
    as (item, text, number, unit).
    """

    hr: int
    arterial: tuple[int, int, int]
    cuff: tuple[int, int, int]
    rr: int
    spo2: int
    celsius: int
    fahrenheit: int
    glucose: tuple[int, int]
    gcs: tuple[int, int, int]
    fio2: tuple[int, int]
    urine: tuple[int, int]
    units: dict[int, str]
    rest: tuple[tuple[int, str, float | None, str | None], ...]


CAREVUE = Items(
    hr=211,
    arterial=(51, 8368, 52),
    cuff=(455, 8441, 456),
    rr=618,
    spo2=646,
    celsius=676,
    fahrenheit=678,
    glucose=(811, 807),
    gcs=(184, 723, 454),
    fio2=(190, 3420),
    urine=(40055, 40069),
    units={211: "BPM", 618: "BPM", 646: "%", 676: "Deg. C", 678: "Deg. F", 190: "torr", 184: "points", 454: "points"}
    | dict.fromkeys((51, 8368, 52, 455, 8441, 456), "mmHg"),
    rest=(
        (212, "Normal Sinus", None, None),
        (432, "Alert", None, None),
        (5813, "100", 100.0, "mmHg"),
        (161, 'None, "as far as seen"', None, None),
        (619, "14", 14.0, "BPM"),
        (31, "2", 2.0, None),
    ),
)

METAVISION = Items(
    hr=220045,
    arterial=(220050, 220051, 220052),
    cuff=(220179, 220180, 220181),
    rr=220210,
    spo2=220277,
    celsius=223762,
    fahrenheit=223761,
    glucose=(220621, 225664),
    gcs=(220739, 223900, 223901),
    fio2=(223835, 223835),
    urine=(226559, 226560),
    units={220045: "bpm", 220210: "insp/min", 220277: "%", 223762: "?C", 223761: "?F", 220621: "mg/dL"}
    | dict.fromkeys((220050, 220051, 220052, 220179, 220180, 220181), "mmHg"),
    rest=(
        (220048, "SR (Sinus Rhythm)", None, None),
        (226253, "90", 90.0, "%"),
        (220046, "120", 120.0, "bpm"),
        (224688, "16", 16.0, "insp/min"),
        (224642, "Oral", None, None),
        (223781, "Yes, at rest", None, None),
    ),
)

EYES = ("1 No Response", "2 To pain", "3 To speech", "4 Spontaneously")
WORDS = ("1.0 ET/Trach", "2 Incomp sounds", "3 Inapprop words", "4 Confused", "5 Oriented")
MOTOR = (
    "1 No Response",
    "2 Abnorm extensn",
    "3 Abnorm flexion",
    "4 Flex-withdraws",
    "5 Localizes Pain",
    "6 Obeys Commands",
)
