#!/usr/bin/env bash
# How long a connection under `p2p.test_fuzz` is delayed.
#
# Expected: `MaxDelay` of `[p2p.test_fuzz_config]` is the longest delay of a read or write; with 1 ms nobody notices it.
# Seen:     CometBFT v0.38.26 and v0.40.0 draw a delay of up to a thousand times as long: with 1 ms each write takes up to a
#           second, half a second on average. With the default, 3 s, it would be up to fifty minutes, which no peer waits for.
# Matters:  a network that is tested with Mode = 1 (delay) stands still and loses its peers to their timeouts, and
#           so do, now and then, those with Mode = 0 and a ProbSleep: what is tested is a dead connection, not a slow one.
#           Set MaxDelay to a thousandth of what is meant.
#
# Needs: go. Takes half a minute, longer when Go has nothing cached. Nothing leaves the process.
set -euo pipefail

work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
export GOFLAGS="-mod=mod -buildvcs=false"
cd "$work"

cat > main.go <<'G'
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/p2p"
)

func main() {
	const maxDelay, writes = time.Millisecond, 12
	near, far := net.Pipe()
	go io.Copy(io.Discard, far)
	fuzzed := p2p.FuzzConnFromConfig(near, &config.FuzzConnConfig{Mode: config.FuzzModeDelay, MaxDelay: maxDelay})
	var longest, sum time.Duration
	for i := 0; i < writes; i++ {
		began := time.Now()
		if _, err := fuzzed.Write([]byte{1}); err != nil {
			panic(err)
		}
		took := time.Since(began)
		sum += took
		longest = max(longest, took)
	}
	fmt.Printf("MaxDelay %v: %d writes took %v on average, the longest %v\n", maxDelay, writes,
		(sum / writes).Round(10*time.Millisecond), longest.Round(10*time.Millisecond))
	if longest < 50*maxDelay {
		os.Exit(1)
	}
}
G

for version in v0.38.26 v0.40.0; do
    rm -f go.mod go.sum
    go mod init finding > init.log 2>&1
    timeout 120 go get "github.com/cometbft/cometbft@$version" > get.log 2>&1 || { cat get.log; exit 1; }
    timeout 240 go build -o finding . || exit 1
    echo "CometBFT $version"
    timeout 60 ./finding || { echo "changed: a delay is no longer than MaxDelay says"; exit 1; }
done
