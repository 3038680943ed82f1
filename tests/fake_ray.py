"""What `lnncmp.runs.executors.ray` uses of the package ray, in this process: nodes that can be lost at will."""

from types import SimpleNamespace


class RayError(Exception):
    """Stands for ray.exceptions.RayError."""


class RayTaskError(RayError):
    """Stands for ray.exceptions.RayTaskError."""


class FakeRay:
    """One node of two CPUs. lose: called with the number of a list of messages in all; True loses that and its task.

    silent: each task sends its first messages alone.
    """

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)
    util = SimpleNamespace(get_node_ip_address=lambda: "10.0.0.2")

    def __init__(self, lose=lambda number: False, silent=False, **resources):
        self.silent, self.heard = silent, []
        self.lose, self.count, self.cancelled, self.put_count, self.asked = lose, 0, 0, 0, []
        self.node = {"Alive": True, "Resources": {"CPU": 2.0, "memory": 8e9, **resources}}

    def nodes(self):
        return [self.node]

    def put(self, thing):
        self.put_count += 1
        return thing

    def remote(self, function):
        def options(**asked):
            self.asked.append(asked)
            return SimpleNamespace(remote=function)

        return SimpleNamespace(options=options)

    def wait(self, generators, num_returns=1, timeout=None):
        ready = [one for one in generators if not (self.silent and one in self.heard)][:num_returns]
        self.heard += ready
        return ready, [one for one in generators if one not in ready]

    def get(self, messages):
        self.count += 1
        if self.lose(self.count):
            raise RayError("node lost")
        return messages

    def cancel(self, generator, force):
        self.cancelled += 1
        generator.close()
