"""What the engine costs by itself, and the parser of user agents."""
import re
import tomllib

from . import measure
from .measure import Figure, WrongAnswer

BATCH_ROWS = 4096


def expected(path):
    """The facts that a case carries in its comments: lines that start with '#:'."""
    with open(path) as file:
        return tomllib.loads("".join(line[2:] for line in file if line.startswith("#:")))


class Engine:
    def __init__(self, context):
        self.context = context

    def run(self, case):
        """One run on one core, whose counts are right."""
        path = self.context.case(case)
        self.context.settle()
        command = [
            self.context.program("flowrun"),
            "run",
            path,
            "--plugin-path",
            self.context.program("bench/plugins"),
            "--admin",
            "127.0.0.1:0",
            "--log-format",
            "json",
            "--quiet",
        ]
        done = measure.run(command, self.context.scratch, core=self.context.core)
        ledger, wanted = done.ledger(), expected(path)
        found = {
            "rows": ledger.get("warm", {}).get("in"),
            "delivered": ledger.get("nowhere", {}).get("passed"),
        }
        for name, count in found.items():
            if count != wanted[name]:
                raise WrongAnswer(f"{case}: {count} {name}, not {wanted[name]}")
        return done

    def generate(self):
        wanted = expected(self.context.case("generate"))
        runs = [self.run("generate") for _ in range(self.context.runs)]
        rate = wanted["rows"] / measure.median([done.seconds for done in runs]) / 1e6
        share = wanted["delivered"] / wanted["rows"] * 100
        return [
            Figure("generate, filter, discard", rate, "M rows/s/core", bar=25, note=f"{share:.2f} % pass"),
            *measure.times(runs, "one core"),
        ]

    def fused(self):
        short, long = expected(self.context.case("fused-1")), expected(self.context.case("fused-17"))
        steps = long["operators"] - short["operators"]
        batches = -(-short["rows"] // BATCH_ROWS)
        costs, pairs = [], max(9, self.context.runs)
        for _ in range(pairs):
            less, more = self.run("fused-1"), self.run("fused-17")
            costs.append((more.cpu - less.cpu) / steps / batches * 1e9)
        noise = measure.spread(costs) / len(costs) ** 0.5
        return [
            Figure(
                "one operator more",
                measure.median(costs),
                "ns a batch",
                bar=500,
                ceiling=True,
                note=f"{pairs} pairs, middle half within {measure.spread(costs):.0f} ns",
            ),
            Figure("its uncertainty", noise, "ns", bar=50, ceiling=True),
        ]

    def user_agents(self):
        """The program compares the results of its rounds and fails when they differ."""
        rates = []
        agents = set()
        for _ in range(self.context.runs):
            self.context.settle()
            done = measure.run(
                [self.context.program("bench/user_agent_bench")], self.context.scratch, core=self.context.core
            )
            cold = re.search(r"for (\d+) distinct agents", done.stdout)
            warm = re.search(r"warm round .*, ([\d.]+) k agents/s", done.stdout)
            if not cold or not warm:
                raise WrongAnswer("user_agent_bench does not say what it did:\n" + done.stdout)
            agents.add(int(cold[1]))
            rates.append(float(warm[1]) * 1000)
        if len(agents) != 1 or min(agents) < 1000:
            raise WrongAnswer(f"{sorted(agents)} distinct agents in different runs")
        return [
            Figure(
                "distinct agents, none cached",
                measure.median(rates),
                "agents/s/core",
                bar=50_000,
                note=f"{min(agents):,} agents; per run: " + " ".join(f"{rate / 1000:.0f}k" for rate in rates),
            )
        ]
