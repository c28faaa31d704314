"""From rows to tables: min/median/max of the rounds, and how many times as much as Tenantry."""

from statistics import median

from .scenarios import SCENARIOS
from .servers import SERVERS

HEAD = [
    "",
    "CPU us per message",
    "times Tenantry's",
    "messages/s",
    "p50 ms",
    "p99 ms",
    "wrong certificate",
    "not accepted",
]


def number(value):
    """Short, and as exact as it matters."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def spread(rows, key):
    """Median with the smallest and the largest of the rounds."""
    values = [row[key] for row in rows if row[key] is not None]
    if not values:
        return "-"
    if len(values) == 1:
        return number(values[0])
    return f"{number(median(values))} ({number(min(values))}-{number(max(values))})"


def middle(rows, key):
    """The median, or None."""
    values = [row[key] for row in rows if row.get(key) is not None]
    return median(values) if values else None


def of(rows, scenario, server):
    """The rounds of one cell."""
    return [row for row in rows if row["scenario"] == scenario and row["server"] == server]


def tables(rows):
    """All tables as Markdown."""
    parts = [one(rows, scenario) for scenario in SCENARIOS]
    parts += [idle(rows), stream(rows)]
    return "\n".join(part for part in parts if part)


def one(rows, scenario):
    """The table of one scenario; nothing when it was not run."""
    lines = []
    ours = middle(of(rows, scenario.name, "tenantry"), "cpu_us_per_message")
    for server in SERVERS.values():
        found = of(rows, scenario.name, server.name)
        if not found:
            continue
        cost = middle(found, "cpu_us_per_message")
        times = f"{cost / ours:.1f}" if ours and cost is not None else "-"
        delivered = sum(row["delivered_in_all"] for row in found)
        wrong = sum(row["wrong_certificate"] for row in found)
        lines.append(
            [
                server.title,
                spread(found, "cpu_us_per_message"),
                times,
                spread(found, "messages_per_second"),
                spread(found, "p50_ms"),
                spread(found, "p99_ms"),
                f"{wrong:,} of {delivered:,}",
                f"{sum(row['not_accepted'] for row in found):,}",
            ]
        )
    return markdown(scenario.title, HEAD, lines)


def idle(rows):
    """Memory of idle sessions."""
    lines = []
    for server in SERVERS.values():
        found = of(rows, "idle", server.name)
        if found:
            many = f"{found[0]['connections']:,}"
            lines.append([server.title, many, spread(found, "kib_per_connection")])
    return markdown("idle TLS connections", ["", "connections", "KiB each"], lines)


def stream(rows):
    """Peak memory of sessions that stream."""
    lines = []
    for server in SERVERS.values():
        for row in of(rows, "stream", server.name):
            before, peak = (row[key] / 1024 for key in ("kib_before", "kib_peak"))
            lines.append([server.title, number(before), number(peak), f"{row['accepted']:,}"])
    head = ["", "MiB before", "MiB at most", "accepted"]
    return markdown("100 sessions with a message of 100 MiB each, at the same time", head, lines)


def markdown(title, head, lines):
    """One table with its heading."""
    if not lines:
        return ""
    rule = ["---", *("---:" for _ in head[1:])]
    text = "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rule, *lines])
    return f"**{title}**\n\n{text}\n"
