#!/usr/bin/env bash
# An environment variable that is named like a section of config.toml.
#
# Expected: CMT_P2P_LADDR sets `laddr` of [p2p]; CMT_P2P, which names no key, does nothing or is refused.
# Seen:     with CMT_P2P set to anything (also CMTP2P), CometBFT v0.38.26 works as if [p2p] were not in its file: default
#           address (0.0.0.0:26656), default limits, no seeds, no peers; nothing says so. CMT_RPC does it to [rpc]. What
#           names a single key (CMT_P2P_LADDR) still holds beside it.
# Matters:  such names are what one takes for one's own settings (CMT_RPC=http://node:26657 for curl in a script). In the
#           shell that starts the node it moves the RPC or peer-to-peer port, and opens on all interfaces a port that the
#           file keeps on loopback. Start nodes with an environment of their own (`env -i`, a unit file).
#
# No node is started: a command added to the real command line prints the settings that the others would work with.
# Needs: go, python3. Takes a minute, longer when Go has nothing cached.
set -euo pipefail

comet=github.com/cometbft/cometbft@v0.38.26
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
for name in $(compgen -e | grep -E '^(CMT|TMHOME)' || true); do unset "$name"; done
cd "$work"

echo "building $comet"
export GOFLAGS="-mod=mod -buildvcs=false"
source_dir=$(timeout 120 go mod download -json "$comet" | python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])')
cp -r "$source_dir" source
chmod -R u+w source
mkdir -p source/cmd/shows
# The real command line with one more command, which prints what the others would have worked with.
cat > source/cmd/shows/main.go <<'G'
package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cometbft/cometbft/cmd/cometbft/commands"
	"github.com/cometbft/cometbft/libs/cli"
)

func main() {
	root := commands.RootCmd
	root.AddCommand(commands.InitFilesCmd, &cobra.Command{
		Use: "shows",
		RunE: func(cmd *cobra.Command, _ []string) error {
			conf, err := commands.ParseConfig(cmd)
			if err == nil {
				fmt.Printf("p2p.laddr=%s p2p.seed_mode=%v p2p.max_num_inbound_peers=%d rpc.laddr=%s\n",
					conf.P2P.ListenAddress, conf.P2P.SeedMode, conf.P2P.MaxNumInboundPeers, conf.RPC.ListenAddress)
			}
			return err
		},
	})
	if err := cli.PrepareBaseCmd(root, "CMT", ".").Execute(); err != nil {
		panic(err)
	}
}
G
(cd source && timeout 240 go build -o "$work/shows" ./cmd/shows)
echo "cometbft v0.38.26, viper $(cd source && go list -m -f '{{.Version}}' github.com/spf13/viper)"

timeout 20 ./shows init --home node > init.log
sed -i -e 's#^laddr = "tcp://0.0.0.0:26656"#laddr = "tcp://127.0.0.1:26000"#' \
    -e 's#^laddr = "tcp://127.0.0.1:26657"#laddr = "tcp://127.0.0.1:26001"#' \
    -e 's#^seed_mode = false#seed_mode = true#' -e 's#^max_num_inbound_peers = .*#max_num_inbound_peers = 7#' \
    node/config/config.toml

failed=0
# show EXPECTED [NAME=VALUE ...]
show() {
    local expected=$1; shift
    local seen; seen=$(env "$@" timeout 20 ./shows shows --home node 2>&1)
    printf '%-48s %s\n' "${*:-(nothing set)}" "$seen"
    [ "$seen" = "$expected" ] || { echo "CHANGED, was: $expected"; failed=1; }
}
rpc="rpc.laddr=tcp://127.0.0.1:26001"
as_written="p2p.laddr=tcp://127.0.0.1:26000 p2p.seed_mode=true p2p.max_num_inbound_peers=7"
defaults="p2p.laddr=tcp://0.0.0.0:26656 p2p.seed_mode=false p2p.max_num_inbound_peers=40"
show "$as_written $rpc"
show "${as_written/26000/26002} $rpc" CMT_P2P_LADDR=tcp://127.0.0.1:26002
show "$defaults $rpc" CMT_P2P=yes
show "$defaults $rpc" CMTP2P=yes
show "${defaults/0.0.0.0:26656/127.0.0.1:26002} $rpc" CMT_P2P=yes CMT_P2P_LADDR=tcp://127.0.0.1:26002
show "$as_written rpc.laddr=tcp://127.0.0.1:26657" CMT_RPC=http://127.0.0.1:26001
[ $failed = 0 ] && echo "as described"
exit $failed
