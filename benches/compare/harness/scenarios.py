"""What is asked of every server."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scenario:
    """One plan; 32 connections of 10 tenants unless it says otherwise."""

    name: str
    title: str
    evidence: str = "certificate"
    connections_are: str = "lasting"
    tenants: int = 10
    connections: int = 32
    size: int = 2048
    rate: int = 0
    messages: int = 0
    warm_up: int = 1


SCENARIOS = [
    Scenario("certificate", "lasting connections, 2 KiB, by certificate"),
    Scenario("sender", "lasting connections, 2 KiB, by sender", evidence="sender"),
    Scenario("full", "new connection each, full handshake", connections_are="full"),
    Scenario("resumed", "new connection each, resumed", connections_are="resumed"),
    Scenario("large", "lasting connections, 1 MiB", size=1024 * 1024),
    # Long enough for every server to shake hands with all of them.
    Scenario("thousand", "1,000 tenants by certificate, 1,000 connections", tenants=1000, connections=1000, warm_up=8),
    Scenario("fixed", "100 messages/s, 2 KiB, by certificate", rate=100),
]
