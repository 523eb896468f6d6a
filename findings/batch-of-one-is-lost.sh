#!/usr/bin/env bash
# A JSON-RPC batch with one request, sent by CometBFT's own Go client to CometBFT's own node.
#
# Expected: a batch of one is a batch: the caller's *ResultBlock is filled, or Send returns what went wrong.
# Seen:     Send returns no error, and the *ResultBlock stays empty. The node answers an array of one request with a bare
#           object, not an array; the client takes such an object for an error about the whole batch and hands out its raw
#           text (a json.RawMessage) or, had the request failed, the error itself, as a result beside a nil error. With two
#           or more all are filled; if then one of them fails, Send says "cannot decode empty bytes" and the node's
#           message is gone.
# Matters:  a program that fetches blocks in batches of up to ten reads an empty one whenever one block is left over: at
#           the head of the chain that is most of the time. Clients of other makes, which expect the array of JSON-RPC 2.0,
#           fail at the object. Send a single request without a batch, or add a `health` to it. A server of the same
#           routes that answers with an array, as the standard says, is read rightly by this client too.
#
# Needs: go, python3. Takes half a minute, some minutes when Go has nothing cached. The node listens on loopback only.
set -euo pipefail

comet=v0.38.26
work=$(mktemp -d)
node=
stop() { if [ -n "$node" ]; then kill "$node" 2> /dev/null || true; wait "$node" 2> /dev/null || true; fi; }
trap 'stop; rm -rf "$work"' EXIT
for name in $(compgen -e | grep -E '^(CMT|TMHOME)' || true); do unset "$name"; done
cd "$work"

echo "building github.com/cometbft/cometbft@$comet and a program with its client"
export GOFLAGS="-mod=mod"
GOBIN=$work timeout 600 go install "github.com/cometbft/cometbft/cmd/cometbft@$comet"
mkdir asks
cat > asks/main.go <<'G'
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/cometbft/cometbft/rpc/client/http"
	"github.com/cometbft/cometbft/rpc/core/types"
)

// say asks for the blocks of these heights in one batch and shows what Send returned and which blocks were filled in.
func say(client *http.HTTP, heights ...int64) {
	batch := client.NewBatch()
	blocks := make([]*coretypes.ResultBlock, len(heights))
	for i := range heights {
		block, err := batch.Block(context.Background(), &heights[i])
		if err != nil {
			panic(err)
		}
		blocks[i] = block
	}
	results, err := batch.Send(context.Background())
	filled := 0
	for i, one := range blocks {
		if one.Block != nil && one.Block.Height == heights[i] {
			filled++
		}
	}
	fmt.Printf("%v: filled %d of %d, error %v, results", heights, filled, len(heights), err)
	for _, one := range results {
		fmt.Printf(" %T", one)
	}
	fmt.Println()
}

func main() {
	client, err := http.New(os.Args[1], "/websocket")
	if err != nil {
		panic(err)
	}
	say(client, 1)
	say(client, 1, 2)
	say(client, 1, 2, 3)
	say(client, 1000000)
	say(client, 1, 1000000)
}
G
(cd asks && go mod init asks 2> /dev/null && go mod edit -require "github.com/cometbft/cometbft@$comet" &&
    timeout 300 go build -o ../ask . 2> build.log) || { cat asks/build.log; exit 1; }

timeout 20 ./cometbft init --home home > init.log
read -r p2p rpc <<< "$(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(one.getsockname()[1] for one in sockets))')"
timeout 110 ./cometbft start --home home --proxy_app kvstore --p2p.laddr "tcp://127.0.0.1:$p2p" \
    --rpc.laddr "tcp://127.0.0.1:$rpc" > node.log 2>&1 & node=$!

cat > shapes.py <<'P'
# Waits for the third block, then sends batches of one and of two requests as they are on the wire.
import json, sys, time, urllib.request


def post(body):
    asked = urllib.request.Request(f"http://127.0.0.1:{sys.argv[1]}", json.dumps(body).encode())
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return answer.read().decode().strip()


def request(number, method="health"):
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": {}}


for _ in range(300):
    try:
        status = json.loads(post(request(0, "status")))["result"]
        if int(status["sync_info"]["latest_block_height"]) >= 3:
            break
    except OSError:
        pass
    time.sleep(0.2)
else:
    sys.exit("the node made no blocks")
print("cometbft", status["node_info"]["version"])
for count in (1, 2):
    print(f"array of {count}:", post([request(i) for i in range(1, count + 1)]))
P
timeout 80 python3 shapes.py "$rpc" | tee seen.txt
timeout 30 ./ask "http://127.0.0.1:$rpc" | tee -a seen.txt
cat > wanted.txt <<'T'
cometbft 0.38.26
array of 1: {"jsonrpc":"2.0","id":1,"result":{}}
array of 2: [{"jsonrpc":"2.0","id":1,"result":{}},{"jsonrpc":"2.0","id":2,"result":{}}]
[1]: filled 0 of 1, error <nil>, results json.RawMessage
[1 2]: filled 2 of 2, error <nil>, results *coretypes.ResultBlock *coretypes.ResultBlock
[1 2 3]: filled 3 of 3, error <nil>, results *coretypes.ResultBlock *coretypes.ResultBlock *coretypes.ResultBlock
[1000000]: filled 0 of 1, error <nil>, results *types.RPCError
[1 1000000]: filled 1 of 2, error error unmarshalling #1 result: cannot decode empty bytes, results
T
diff wanted.txt seen.txt || { echo "CHANGED"; exit 1; }
echo "as described"
