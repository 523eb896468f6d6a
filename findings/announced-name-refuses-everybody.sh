#!/usr/bin/env bash
# A CometBFT node whose external_address is a name that it can resolve and another node cannot.
#
# Expected: the announced address is for the address books of others. Who cannot resolve it has no address to keep and to
#           tell, and stays connected.
# Seen:     v0.38.26 refuses the connection: it looks the announced name up during the handshake, and a lookup that fails
#           makes the whole NodeInfo invalid. That it was dialled by its right IP address does not matter. The one with the
#           name logs nothing but ends of connections. As soon as the name resolves for the other, they connect.
# Matters:  a node that announces a name of its cluster or container network (by external_address, or by a laddr such as
#           "tcp://node0:26656") talks to nobody outside. A name that expires, or a resolver that is down, cuts nodes off
#           from peers whose addresses they have, at the next reconnection. Announce an IP address.
#
# Needs: go, python3. Takes half a minute, longer when Go has nothing cached. All is on loopback: the nodes are the real
# command line in processes whose resolver asks a DNS server in the same process.
set -euo pipefail

comet=v0.38.26
work=$(mktemp -d)
declare -A nodes=()
stop() { # NAME
    kill "${nodes[$1]}" 2> /dev/null || true
    wait "${nodes[$1]}" 2> /dev/null || true
    unset "nodes[$1]"
}
cleanup() {
    for name in "${!nodes[@]}"; do stop "$name"; done
    rm -rf "$work"
}
trap cleanup EXIT
for name in $(compgen -e | grep -E '^(CMT|TMHOME)' || true); do unset "$name"; done
cd "$work"

echo "building github.com/cometbft/cometbft@$comet with a DNS server beside it"
export GOFLAGS="-mod=mod -buildvcs=false"
mkdir source
cat > source/main.go <<'G'
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/cometbft/cometbft/cmd/cometbft/commands"
	"github.com/cometbft/cometbft/libs/cli"
	"github.com/cometbft/cometbft/node"
)

const name = "peer.example."

// answer says that the name's only address is the one in the file ADDRESS, or, while that is empty, that there is no such name.
func answer(query []byte) []byte {
	var parser dnsmessage.Parser
	header, err := parser.Start(query)
	if err != nil {
		return nil
	}
	question, err := parser.Question()
	if err != nil {
		return nil
	}
	contents, err := os.ReadFile(os.Getenv("ADDRESS"))
	if err != nil {
		panic(err)
	}
	ip := net.ParseIP(strings.TrimSpace(string(contents))).To4()
	asked := question.Name.String() == name
	header.Response, header.Authoritative, header.RCode = true, true, dnsmessage.RCodeNameError
	if asked && ip != nil {
		header.RCode = dnsmessage.RCodeSuccess
	}
	builder := dnsmessage.NewBuilder(nil, header)
	if builder.StartQuestions() != nil || builder.Question(question) != nil || builder.StartAnswers() != nil {
		return nil
	}
	if asked && question.Type == dnsmessage.TypeA {
		fmt.Println("LOOKUP", ip)
		if ip != nil {
			about := dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: 1}
			if builder.AResource(about, dnsmessage.AResource{A: [4]byte(ip)}) != nil {
				return nil
			}
		}
	}
	message, _ := builder.Finish()
	return message
}

func main() {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		query := make([]byte, 4096)
		for {
			n, from, err := server.ReadFrom(query)
			if err != nil {
				return
			}
			_, _ = server.WriteTo(answer(query[:n]), from)
		}
	}()
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, "udp", server.LocalAddr().String())
	}}
	root := commands.RootCmd
	root.AddCommand(commands.InitFilesCmd, commands.ShowNodeIDCmd, commands.NewRunNodeCmd(node.DefaultNewNode))
	if err := cli.PrepareBaseCmd(root, "CMT", ".").Execute(); err != nil {
		panic(err)
	}
}
G
(cd source && go mod init finding 2> /dev/null && go mod edit -require "github.com/cometbft/cometbft@$comet" &&
    timeout 600 go build -o ../cometbft . 2> build.log) || { cat source/build.log; exit 1; }
echo "cometbft $(cd source && go list -m -f '{{.Version}}' github.com/cometbft/cometbft)"

for home in named other; do
    timeout 20 ./cometbft init --home $home > init.log
    sed -i -e 's/^addr_book_strict = true/addr_book_strict = false/' -e 's/^pex = true/pex = false/' $home/config/config.toml
done
cp named/config/genesis.json other/config/genesis.json
read -r -a ports <<< "$(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
print(*(one.getsockname()[1] for one in sockets))')"
sed -i "s/^external_address = .*/external_address = \"peer.example:${ports[0]}\"/" named/config/config.toml
id=$(timeout 20 ./cometbft show-node-id --home named)
start() { # NAME P2P RPC PEERS
    ADDRESS=$work/$1.address timeout 150 ./cometbft start --home "$1" --proxy_app kvstore \
        --p2p.laddr "tcp://127.0.0.1:$2" --rpc.laddr "tcp://127.0.0.1:$3" --p2p.persistent_peers "$4" > "$1.log" 2>&1 &
    nodes[$1]=$!
}
wait_for() { # NAME TEXT: until the node's log has it
    for _ in $(seq 600); do
        if grep -qF "$2" "$1.log" 2> /dev/null; then return; fi
        sleep 0.1
    done
    echo "CHANGED: $1 did not log: $2"; exit 1
}
cat > peers.py <<'P'
# PORT NUMBER SECONDS: waits so long for so many peers of the node behind the RPC port; says how many it has.
import json, sys, time, urllib.request

port, wanted, seconds = sys.argv[1:]
end = time.monotonic() + float(seconds)
while True:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/net_info", timeout=10) as answer:
        found = json.load(answer)["result"]["n_peers"]
    if found == wanted or time.monotonic() > end:
        print(found)
        break
    time.sleep(0.2)
P

echo 127.0.0.1 > named.address
: > other.address
start named "${ports[0]}" "${ports[1]}" ""
wait_for named "Starting RPC HTTP server"
start other "${ports[2]}" "${ports[3]}" "$id@127.0.0.1:${ports[0]}"
wait_for other "no such host"
echo "dialled by its IP address: $(timeout 30 python3 peers.py "${ports[3]}" 1 12) peers" | tee seen.txt
grep -m 1 'no such host' other.log | grep -oE 'err="[^"]*"' | sed -E 's/ on [^ ]+//; s/@[0-9.:]+//; s/[0-9a-f]{40}/ID/g' | tee -a seen.txt
echo "lookups by the other: $([ "$(grep -c LOOKUP other.log)" -ge 2 ] && echo at each try)" | tee -a seen.txt
echo 127.0.0.1 > other.address
echo "once the name resolves: $(timeout 60 python3 peers.py "${ports[3]}" 1 40) peers" | tee -a seen.txt
cat > wanted.txt <<'T'
dialled by its IP address: 0 peers
err="invalid NodeInfo: error looking up host (peer.example): lookup peer.example no such host"
lookups by the other: at each try
once the name resolves: 1 peers
T
diff wanted.txt seen.txt || { echo "CHANGED"; exit 1; }
echo "as described"
