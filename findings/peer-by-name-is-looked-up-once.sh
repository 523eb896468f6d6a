#!/usr/bin/env bash
# A persistent peer that is given to a CometBFT node by name: "ID@peer.example:26656".
#
# Expected: a persistent peer is dialled again and again, and a name is looked up again when that is due: so a peer that
#           moved is found at its new address, and one whose name did not exist yet once it does.
# Seen:     v0.38.26 looks names up while it starts and never again, whatever the TTL (one second here). With a peer that
#           moves later, it dials the old address for as long as it tries. With a name that did not exist in that moment
#           it drops the peer: "Error in peer's address" while it starts, then not one try. A node that starts behind
#           them with the same configuration connects at once.
# Matters:  names are what one has where addresses change: in Kubernetes, in Docker, behind a dynamic DNS. There the first
#           node of a network to be started, or the one whose DNS had a hiccup, is alone until somebody restarts it, and
#           every node that is restarted elsewhere is lost to those that know it by name. Start nodes only when the
#           names of their peers resolve, and restart them when a peer has moved.
#
# Needs: go, python3, Linux (127.0.0.2). Takes a minute and a half, longer when Go has nothing cached. All is on loopback:
# the nodes are the real command line in a process whose resolver asks a DNS server in the same process.
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

for home in peer moved unknown late; do
    timeout 20 ./cometbft init --home $home > init.log
    sed -i -e 's/^addr_book_strict = true/addr_book_strict = false/' -e 's/^pex = true/pex = false/' \
        -e 's/^allow_duplicate_ip = false/allow_duplicate_ip = true/' $home/config/config.toml
done
for home in moved unknown late; do cp peer/config/genesis.json $home/config/genesis.json; done
read -r -a ports <<< "$(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(8)]
print(*(one.getsockname()[1] for one in sockets))')"
id=$(timeout 20 ./cometbft show-node-id --home peer)
start() { # NAME P2P RPC PEERS
    ADDRESS=$work/address timeout 170 ./cometbft start --home "$1" --proxy_app kvstore \
        --p2p.laddr "tcp://127.0.0.1:$2" --rpc.laddr "tcp://127.0.0.1:$3" --p2p.persistent_peers "$4" > "$1.log" 2>&1 &
    nodes[$1]=$!
}
wait_for() { # NAME PATTERN COUNT: until so many lines of the node's log match
    for _ in $(seq 900); do
        if [ "$(grep -cE "$2" "$1.log" 2> /dev/null || true)" -ge "$3" ]; then return; fi
        sleep 0.1
    done
    echo "CHANGED: $1 did not log: $2"; exit 1
}
cat > peers.py <<'P'
# PORT: how many peers the node behind the RPC port has.
import json, sys, urllib.request

with urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/net_info", timeout=10) as answer:
    print(json.load(answer)["result"]["n_peers"])
P
peers() { timeout 20 python3 peers.py "$1"; }

touch address
start peer "${ports[0]}" "${ports[1]}" ""
start unknown "${ports[2]}" "${ports[3]}" "$id@peer.example:${ports[0]}"
wait_for unknown "Starting RPC HTTP server" 1
echo 127.0.0.2 > address  # nobody listens there: the peer's address before it moves
start moved "${ports[4]}" "${ports[5]}" "$id@peer.example:${ports[0]}"
wait_for moved "Error reconnecting to peer.*tries=0" 1
echo 127.0.0.1 > address
for home in unknown moved; do grep -c LOOKUP $home.log > $home.before; done
wait_for moved "Error reconnecting to peer.*tries=8" 1  # half a minute and more
start late "${ports[6]}" "${ports[7]}" "$id@peer.example:${ports[0]}"
for _ in $(seq 100); do
    if [ "$(peers "${ports[7]}" 2> /dev/null || true)" = 1 ]; then break; fi
    sleep 0.2
done
say() { # NAME PORT
    echo "$1: $(peers "$2") peers, $(($(grep -c LOOKUP "$1.log") - $(cat "$1.before"))) lookups after the start," \
        "dialled:$(grep 'econnecting to peer' "$1.log" | grep -oE 'addr=[0-9a-f]+@[0-9.]+' | sed 's/.*@/ /' | sort -u | tr -d '\n')"
}
{
    say unknown "${ports[3]}"
    say moved "${ports[5]}"
    echo "late: $(peers "${ports[7]}") peers"
} | tee seen.txt
cat > wanted.txt <<'T'
unknown: 0 peers, 0 lookups after the start, dialled:
moved: 0 peers, 0 lookups after the start, dialled: 127.0.0.2
late: 1 peers
T
diff wanted.txt seen.txt || { echo "CHANGED"; exit 1; }
echo "as described"
