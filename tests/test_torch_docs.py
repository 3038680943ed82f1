"""The examples of docs/torch.md run as they stand, and its table names what the tests show."""

import re
from pathlib import Path

import torch
from ncps_pairs import assert_close

TEXT = (Path(__file__).resolve().parent.parent / "docs" / "torch.md").read_text(encoding="utf-8")


def test_examples_run(capsys):
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(blocks) == 3
    names = {}
    for block in blocks:
        exec(compile(block, "docs/torch.md", "exec"), names)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "fused" and said[2] == "replaced rnn: CfC"
    losses = names["losses"]
    assert losses[-1] < 0.5 * losses[0]
    model, x, timespans = names["model"], names["x"], names["timespans"]
    with torch.no_grad():
        whole, _ = model(x, timespans)
        theirs = names["theirs"]
        assert theirs(x)[0].shape == whole.shape
        assert_close(theirs(x)[0], model.rnn(x)[0])
        assert_close(names["now"][:, 0], whole[:, -1])


def test_differences_are_one_table():
    rows = [line for line in TEXT.splitlines() if line.startswith("|")]
    assert len(rows) > 15 and all(row.count("|") == 4 for row in rows)
