"""The network that a run kept, as what is exported: with the facts that a reader of its files needs."""

from lnncmp import __version__
from lnncmp.cases.base import load_case
from lnncmp.data.encoding import Quantity
from lnncmp.data.task import LOGIT
from lnncmp.export.network import PortableNetwork
from lnncmp.networks.network import Network

_LOGITS = ("The outputs are logits, one for each class: their softmax is the probability of each class.",)
_TERMS = "The exporter, lnncmp, is MIT-licensed. Terms of the data that the network was trained on may extend to it."
_PRIVATE = "Trained on data of patients: this file is for the holder of those data alone and comes under their terms."


def portable(network: Network) -> PortableNetwork:
    """Return the network of a run ready for export. Raises UsageError if an output never had a value in training."""
    record, recipe, scaler = network.record, network.recipe, network.scaler
    arguments = ", ".join(f"{key}={value}" for key, value in sorted(recipe.model.arguments.items()))
    seeds = record.seeds
    about = {
        "Model": f"{record.model} ({recipe.model.name}, version {recipe.model.version}: {arguments})",
        "Run": f"{record.run_id} of lnncmp {__version__}, data {record.data_hash[:16]}",
        "Recipe": f"case {recipe.case}, source {recipe.source}, {recipe.train.epochs} epochs, match {recipe.match}",
        "Seeds": ", ".join(f"{name} {value}" for name, value in seeds.model_dump().items()),
        "Terms": _PRIVATE if load_case(record.case).private else _TERMS,
    }
    return PortableNetwork(
        network.module,
        scaler.inputs,
        scaler.outputs,
        tuple(Quantity(name, network.units[name]) for name in network.inputs),
        tuple(Quantity(name, LOGIT if network.classes else network.units[name]) for name in network.outputs),
        network.time_unit,
        about,
        (*network.encoding.words, *(_LOGITS if network.classes else ())),
        recipe.withholds_time,
    )
