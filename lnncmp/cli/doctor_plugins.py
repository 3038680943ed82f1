"""What `lnncmp doctor` says of models, cases and sources of installed packages."""

from collections.abc import Callable, Iterator
from functools import partial

from lnncmp import cases, models, sources
from lnncmp.bench.process import in_fresh_process
from lnncmp.cases.base import refused_members
from lnncmp.common.plugins import unreadable
from lnncmp.common.process import Tell
from lnncmp.common.registry import added
from lnncmp.errors import LnncmpError
from lnncmp.models.base import refused_models
from lnncmp.sources.loading import ADDED, load

Row = dict[str, str]


def plugin_rows(tell: Callable[[str], None]) -> Iterator[Row]:
    """Yield for each member of an installed package whether it keeps its contract, and why not.

    Models and cases are tried in a process of their own. tell: is called before each.
    """
    for package, work in ((models, _model), (cases, _case), (sources, _source)):
        for name, plugin in added(package).items():
            tell(f"checking {plugin.words}")
            found = f"{plugin.package} {plugin.version}".rstrip()
            yield {"check": f"plugin {name}", "found": found, "advice": _advice(partial(work, name))}
    for sentence in (*unreadable(), *refused_models(), *refused_members()):
        yield {"check": "plugins", "found": "not used", "advice": sentence}


def _advice(work: Callable[[], list[str]]) -> str:
    try:
        faults = work()
    except LnncmpError as error:
        faults = [error.message]
    return f"Broken: {'; '.join(faults)}." if faults else ""


def _model(name: str) -> list[str]:
    return _apart(_faults_of_model, name)


def _case(name: str) -> list[str]:
    return _apart(_faults_of_case, name)


def _source(name: str) -> list[str]:
    load(ADDED + name)
    return []


def _apart(work: Callable[[Tell, str], list[str]], name: str) -> list[str]:
    found: list[str] = in_fresh_process(work, name, tell=lambda *progress: None, threads=1, environment={})
    return found


def _faults_of_model(tell: Tell, name: str) -> list[str]:
    from lnncmp.evaluation.contract import model_faults

    return model_faults(name)


def _faults_of_case(tell: Tell, name: str) -> list[str]:
    from lnncmp.evaluation.contract import case_faults

    return case_faults(name)
