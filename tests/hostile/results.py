"""All that was done to one node, and how it and the others stood it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from peerage.conformance.case import Group, Outcome
from tests.hostile.honest import Honest, Service
from tests.hostile.targets import Target
from tests.hostile.trial import Finding, Trials, settle
from tests.hostile.visitor import FLOOD_S

__all__ = ["Results", "less_strict", "put_through"]

FLOODS_AT_ONCE = 6
STRICTNESS = (Outcome.SERVED, Outcome.HELD, Outcome.ENDED, Outcome.LEFT)


@dataclass(frozen=True, slots=True)
class Results:
    """Of one node.

    Args: name, of it; findings, by group and case; services, how the honest peer was served, by group; descriptors and
        resident, before and behind it all; reasons, of connections that ended, by remote; violations, what must not be,
        whatever became of the cases.
    """

    name: str
    findings: Mapping[tuple[str, str], Finding]
    services: Mapping[str, Service]
    descriptors: tuple[int, int]
    resident: tuple[int, int]
    reasons: Mapping[str, str]
    violations: Sequence[str]

    @property
    def wrong(self) -> list[str]:
        """What is not as it must be, a line each."""
        return [*(str(each) for each in self.findings.values() if each.wrong), *self.violations]

    def reason(self, finding: Finding) -> str:
        """Why the node says that it ended the connection, without what differs from run to run."""
        said = self.reasons.get(finding.peer) or self.reasons.get(finding.source, "")
        return re.sub(r"[0-9a-f]{40}", "…", said)


def put_through(target: Target, groups: Sequence[Group], flood_s: float = FLOOD_S) -> Results:
    """Do all of it to a node that runs. Args: flood_s, how long a flood takes.

    Raises: OSError, when not even an honest peer gets in.
    """
    with Honest(target.address) as honest:
        processes = target.processes()
        connections, descriptors, resident = target.connections(), target.descriptors(), target.resident()
        findings, services, violations = {}, {}, []
        trials = Trials(target, flood_s=flood_s)
        for group in groups:
            for each in trials.run(group, **({"at_once": FLOODS_AT_ONCE} if group.is_flood else {})):
                findings[group.name, each.case.name] = each
            service = services[group.name] = honest.service()
            if service.error:
                violations.append(f"{group.name}: the honest peer beside it: {service.error}")
        try:
            settle(target, connections)
        except AssertionError as error:
            violations.append(f"connections are left: {error}")
        if target.processes() != processes:
            violations.append(f"processes: {target.processes()}, before: {processes}")
        violations += [f"logged: {line}" for line in target.faults()]
        return Results(
            target.name,
            findings,
            services,
            (descriptors, target.descriptors()),
            (resident, target.resident()),
            target.reasons(),
            violations,
        )


def less_strict(ours: Results, theirs: Sequence[Results]) -> list[Finding]:
    """Where our node goes on and another one ends the connection.

    Cases that may come out in several ways, floods above all, are no question of strictness but of how much is read in time.
    """
    return [
        finding
        for key, finding in ours.findings.items()
        if any(
            STRICTNESS.index(finding.outcome) < STRICTNESS.index(each.findings[key].outcome)
            for each in theirs
        )
        and len(finding.case.must) == 1
    ]
