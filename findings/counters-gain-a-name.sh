#!/usr/bin/env bash
# A CometBFT node's metrics, read with prometheus_client's parser and exposed again by prometheus_client.
#
# Expected: what is read and written again has the names that it had, as the parser is for just this text format, in which a
#           counter may have any name.
# Seen:     every counter of the node whose name does not end in "_total" comes out with "_total": the parser already
#           renames the samples, and looking among them for the old name finds nothing. Gauges, histograms and the counters
#           of Go's runtime, which have the ending, stay. Of the consensus counters of a v0.38.26 node
#           (cometbft_consensus_proposal_receive_count, …_chain_size_bytes and so on) all are renamed.
# Matters:  a sidecar that adds labels, hides a part or merges several nodes (a collector that yields what it parsed)
#           changes the names under the dashboards and alerts of CometBFT, which ask for the old ones; no error, no data. A
#           client that reads a counter through the parser has to ask for the name with "_total". Pass such lines on as
#           text, or name the samples back by the text's own `# TYPE` lines.
#
# Needs: go, python3. Takes half a minute, some minutes when Go has nothing cached. The node listens on loopback only.
set -euo pipefail

comet=v0.38.26
client=prometheus_client==0.26.0
work=$(mktemp -d)
node=
stop() { if [ -n "$node" ]; then kill "$node" 2> /dev/null || true; wait "$node" 2> /dev/null || true; fi; }
trap 'stop; rm -rf "$work"' EXIT
for name in $(compgen -e | grep -E '^(CMT|TMHOME)' || true); do unset "$name"; done
cd "$work"

echo "installing $client, building github.com/cometbft/cometbft@$comet"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check "$client"
GOBIN=$work GOFLAGS="-mod=mod" timeout 600 go install "github.com/cometbft/cometbft/cmd/cometbft@$comet"
timeout 20 ./cometbft init --home home > init.log
read -r p2p rpc metrics <<< "$(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(one.getsockname()[1] for one in sockets))')"
sed -i -e 's/^prometheus = false/prometheus = true/' \
    -e "s/^prometheus_listen_addr = .*/prometheus_listen_addr = \"127.0.0.1:$metrics\"/" home/config/config.toml
timeout 100 ./cometbft start --home home --proxy_app kvstore --p2p.laddr "tcp://127.0.0.1:$p2p" \
    --rpc.laddr "tcp://127.0.0.1:$rpc" > node.log 2>&1 & node=$!

cat > pass_on.py <<'P'
# Reads the node's metrics, passes them on, and says which names of samples changed.
import re, sys, time, urllib.request

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

wanted = "cometbft_consensus_proposal_receive_count"
for _ in range(300):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        if f"\n{wanted}{{" in text:
            break
    except OSError:
        pass
    time.sleep(0.2)
else:
    sys.exit("the node had no such metric")


class PassesOn(Collector):
    def collect(self):
        return text_string_to_metric_families(text)


def names(lines):
    return {re.split(r"[{ ]", line, maxsplit=1)[0] for line in lines.splitlines() if line and not line.startswith("#")}


registry = CollectorRegistry()
registry.register(PassesOn())
before, after = names(text), names(generate_latest(registry).decode())
samples = {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}
types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
counters = {name for name, kind in types.items() if kind == "counter"}
bare = {name for name in counters if not name.endswith("_total")}
print("some counters without _total, all of cometbft_consensus:", bool(bare) and all(n.startswith("cometbft_consensus_") for n in bare))
print("read by its name from the parser:", wanted in samples)
print("gone after passing on: exactly these:", before - after == bare)
print("new after passing on: exactly these with _total:", after - before == {f"{name}_total" for name in bare})
print("counters with _total, kept:", bool(counters - bare) and counters - bare <= after)
P
timeout 90 env/bin/python pass_on.py "$metrics" | tee seen.txt
cat > wanted.txt <<'T'
some counters without _total, all of cometbft_consensus: True
read by its name from the parser: False
gone after passing on: exactly these: True
new after passing on: exactly these with _total: True
counters with _total, kept: True
T
diff wanted.txt seen.txt || { echo "CHANGED"; exit 1; }
echo "as described"
