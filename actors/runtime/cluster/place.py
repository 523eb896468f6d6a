"""RAY: the place of an actor on a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from peerage.actors.runtime.cluster.cluster_starter import ClusterStarter
from peerage.actors.runtime.elsewhere import Elsewhere
from peerage.actors.runtime.mail.ref import ActorRef


@dataclass(frozen=True)
class RayPlace(Elsewhere):
    """On some node of a Ray cluster that has what the actor needs; called `RAY` by its users: `place=RAY(num_cpus=2)`.

    Ray chooses the node, gives the actor a process there, and restarts nothing: our supervisors do.

    num_cpus, num_gpus: what Ray sets aside for the actor; logical, and 0 is allowed.
    memory: bytes that Ray sets aside; None for no claim.
    resources: the node's custom resources that the actor needs, as in Ray.
    label_selector: labels that the node must have, as in Ray.
    runtime_env: what Ray provides in the actor's process, as in Ray: `pip`, `working_dir`, `env_vars` …
    address: of the cluster, when this process is not connected to one yet; as of `ray.init`.
    """

    num_cpus: float = 1.0
    num_gpus: float = 0.0
    memory: int | None = None
    resources: Mapping[str, float] = field(default_factory=dict)
    label_selector: Mapping[str, str] = field(default_factory=dict)
    runtime_env: Mapping[str, Any] | None = None
    address: str = "auto"

    def starter(
        self,
        cls: type[Any],
        name: str | None,
        host: str | None,
        extra: Any,
        start_timeout: float,
        linked_to: ActorRef[Any] | None,
        log_setup: Callable[[], None] | None,
    ) -> ClusterStarter[Any]:
        """As `Elsewhere.starter`."""
        return ClusterStarter(cls, self, name, host, extra, start_timeout, linked_to, log_setup)

    def options(self) -> dict[str, Any]:
        """The options of the Ray actor: it is lost with its node or process, and so is what it was asked."""
        options: dict[str, Any] = {
            "num_cpus": self.num_cpus,
            "num_gpus": self.num_gpus,
            "max_restarts": 0,
            "max_task_retries": 0,
        }
        if self.memory is not None:
            options["memory"] = self.memory
        if self.resources:
            options["resources"] = dict(self.resources)
        if self.label_selector:
            options["label_selector"] = dict(self.label_selector)
        if self.runtime_env is not None:
            options["runtime_env"] = dict(self.runtime_env)
        return options


RAY = RayPlace
