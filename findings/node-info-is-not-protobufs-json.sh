#!/usr/bin/env bash
# The node_info in a CometBFT node's `status`, read into the Protobuf message DefaultNodeInfo by protobuf's json_format.
#
# Expected: the JSON of the RPC is the JSON form of the message that nodes exchange: its fields have the same names in lower
#           case with underscores, its 64-bit numbers are strings, as Protobuf's JSON has them, down to protocol_version.
# Seen:     all fields but two are. `id` is called default_node_id in the message; that is an error, until one renames it or
#           ignores unknown fields. Then it passes, with wrong channels: the RPC writes their bytes in hexadecimal,
#           Protobuf's JSON reads base64, and hexadecimal digits are base64 as well. The ten channels of a v0.38.26 node
#           become fifteen bytes, e34db4… for 402021…; written as JSON again they look as before.
# Matters:  whoever compares channels, as nodes do before they talk to each other, finds that no node has any in common. The
#           gRPC gateway of Cosmos SDK chains does answer with Protobuf's JSON (default_node_id, base64), so a tool that
#           reads both is right with one of them. Read the RPC's form by hand, with bytes.fromhex for `channels`.
#
# Needs: go, python3. Takes half a minute, some minutes when Go has nothing cached. The node listens on loopback only.
set -euo pipefail

comet=v0.38.26
packages="cosmospy-protobuf==0.4.0 protobuf==7.36.2"
work=$(mktemp -d)
node=
stop() { if [ -n "$node" ]; then kill "$node" 2> /dev/null || true; wait "$node" 2> /dev/null || true; fi; }
trap 'stop; rm -rf "$work"' EXIT
for name in $(compgen -e | grep -E '^(CMT|TMHOME)' || true); do unset "$name"; done
cd "$work"

echo "installing $packages, building github.com/cometbft/cometbft@$comet"
python3 -m venv env
# shellcheck disable=SC2086
env/bin/pip install -q --disable-pip-version-check $packages
GOBIN=$work GOFLAGS="-mod=mod" timeout 600 go install "github.com/cometbft/cometbft/cmd/cometbft@$comet"
timeout 20 ./cometbft init --home home > init.log
read -r p2p rpc <<< "$(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(one.getsockname()[1] for one in sockets))')"
timeout 100 ./cometbft start --home home --proxy_app kvstore --p2p.laddr "tcp://127.0.0.1:$p2p" \
    --rpc.laddr "tcp://127.0.0.1:$rpc" > node.log 2>&1 & node=$!

cat > reads.py <<'P'
import json, sys, time, urllib.request

from cosmospy_protobuf.tendermint.p2p.types_pb2 import DefaultNodeInfo
from google.protobuf import json_format

for _ in range(300):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/status", timeout=5) as answer:
            told = json.load(answer)["result"]["node_info"]
        break
    except OSError:
        time.sleep(0.2)
else:
    sys.exit("the node did not answer")
print("version:", told["version"])
try:
    json_format.ParseDict(told, DefaultNodeInfo())
    print("as it is: read")
except json_format.ParseError as error:
    print("as it is:", str(error).split(" at ")[0])
renamed = {"default_node_id" if name == "id" else name: value for name, value in told.items()}
message = json_format.ParseDict(renamed, DefaultNodeInfo())
print("renamed: the ID is right:", message.default_node_id == told["id"], "- block protocol:", message.protocol_version.block)
print("channels told:", told["channels"])
print("channels read:", message.channels.hex())
written = json_format.MessageToDict(message, preserving_proto_field_name=True)
print("channels written:", written["channels"], "- all as before:", written == renamed)
ignored = json_format.ParseDict(told, DefaultNodeInfo(), ignore_unknown_fields=True)
print("unknown fields ignored: the ID is", repr(ignored.default_node_id))
P
timeout 90 env/bin/python reads.py "$rpc" | tee seen.txt
cat > wanted.txt <<'T'
version: 0.38.26
as it is: Message type "tendermint.p2p.DefaultNodeInfo" has no field named "id"
renamed: the ID is right: True - block protocol: 11
channels told: 40202122233038606100
channels read: e34db4db5db6db7df4dfceb4eb5d34
channels written: 40202122233038606100 - all as before: True
unknown fields ignored: the ID is ''
T
diff wanted.txt seen.txt || { echo "CHANGED"; exit 1; }
echo "as described"
