"""Which models of a table are worth their cost: those that no other one beats in both error and cost."""

from collections.abc import Mapping


def pareto_front(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """Return the models on the front, from cheap to costly. points: model -> (cost, error), lower is better in both.

    A model is on the front if no other one is at least as good in both and better in one.

    >>> pareto_front({"a": (1.0, 3.0), "b": (2.0, 1.0), "c": (2.0, 2.0)})
    ['a', 'b']
    """
    front = [
        name
        for name, (cost, error) in points.items()
        if not any(c <= cost and e <= error and (c, e) != (cost, error) for c, e in points.values())
    ]
    return sorted(front, key=lambda name: points[name])
