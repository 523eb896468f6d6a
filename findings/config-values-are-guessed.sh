#!/usr/bin/env bash
# What CometBFT makes of a value in config.toml (or the environment) that is not of the type it should be.
#
# Expected: a quoted number is refused or read as the number that it shows; a duration without a unit is refused.
# Seen:     CometBFT v0.38.26 (viper 1.19, mapstructure 1.5) converts whatever it can and says nothing. "010" is 8 and
#           "0x10" is 16 as in C, "" is 0 (of max_num_inbound_peers: nobody is let in), true is 1, 7.9 is 7. A bare 20
#           for a duration is 20 nanoseconds, 20.9 as well, while "20" is refused for want of a unit, "1d" for its unit.
#           Variables are always such strings: CMT_P2P_MAX_NUM_INBOUND_PEERS=010 is 8, too. And a list as TOML writes
#           one is refused for `seeds`, though a plain string does for a list of the [rpc] section.
# Matters:  a zero-padded number from a template, or seconds put without quotes, start a node that looks well and has
#           other limits than its file shows. Who writes a reader for these files has to decide: the same or refuse.
#
# Needs: go, python3. Takes a minute, longer when Go has nothing cached.
set -euo pipefail

comet=github.com/cometbft/cometbft@v0.38.26
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"

echo "building against $comet"
export GOFLAGS="-mod=mod -buildvcs=false"
source_dir=$(timeout 120 go mod download -json "$comet" | python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])')
cp -r "$source_dir" source
chmod -R u+w source
mkdir -p source/cmd/shows
cat > source/cmd/shows/main.go <<'G'
// Loads a file as the node's start does and prints some of it.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/viper"

	"github.com/cometbft/cometbft/config"
)

func main() {
	viper.SetEnvPrefix("CMT")
	viper.SetEnvKeyReplacer(strings.NewReplacer(".", "_", "-", "_"))
	viper.AutomaticEnv()
	viper.SetConfigFile(os.Args[1])
	conf := config.DefaultConfig()
	err := viper.ReadInConfig()
	if err == nil {
		err = viper.Unmarshal(conf)
	}
	if err == nil {
		err = conf.ValidateBasic()
	}
	if err != nil {
		fmt.Println("refused")
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Printf("inbound=%d pex=%v seeds=%q flush=%v cors=%q\n", conf.P2P.MaxNumInboundPeers, conf.P2P.PexReactor,
		conf.P2P.Seeds, conf.P2P.FlushThrottleTimeout, conf.RPC.CORSAllowedOrigins)
}
G
(cd source && timeout 240 go build -o "$work/shows" ./cmd/shows)
(cd source && go list -m github.com/spf13/viper github.com/mitchellh/mapstructure)

python3 - <<'P'
import os, subprocess, sys, tomllib

DEFAULT = {"inbound": "40", "pex": "true", "seeds": '""', "flush": "100ms", "cors": "[]"}
CASES = [
    # section, line, what differs from the defaults (None: refused)
    ("p2p", 'max_num_inbound_peers = "010"', {"inbound": "8"}),
    ("p2p", 'max_num_inbound_peers = "0x10"', {"inbound": "16"}),
    ("p2p", 'max_num_inbound_peers = ""', {"inbound": "0"}),
    ("p2p", "max_num_inbound_peers = true", {"inbound": "1"}),
    ("p2p", "max_num_inbound_peers = 7.9", {"inbound": "7"}),
    ("p2p", 'max_num_inbound_peers = "7 "', None),
    ("p2p", "flush_throttle_timeout = 20", {"flush": "20ns"}),
    ("p2p", "flush_throttle_timeout = 20.9", {"flush": "20ns"}),
    ("p2p", 'flush_throttle_timeout = "20"', None),
    ("p2p", 'flush_throttle_timeout = "1d"', None),
    ("p2p", 'pex = ""', {"pex": "false"}),
    ("p2p", 'pex = "F"', {"pex": "false"}),
    ("p2p", 'pex = "no"', None),
    ("p2p", "seeds = true", {"seeds": '"1"'}),
    ("p2p", 'seeds = ["a", "b"]', None),
    ("rpc", 'cors_allowed_origins = "a,b"', {"cors": '["a" "b"]'}),
    ("environment", "CMT_P2P_MAX_NUM_INBOUND_PEERS=010", {"inbound": "8"}),
]
failed = False
for section, line, change in CASES:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("CMT")}
    if section == "environment":
        name, value = line.split("=")
        variables[name] = value
        text = "[p2p]\nmax_num_inbound_peers = 40\n"
    else:
        text = f"[{section}]\n{line}\n"
    assert tomllib.loads(text)
    with open("config.toml", "w") as file:
        file.write(text)
    seen = subprocess.run(["./shows", "config.toml"], env=variables, capture_output=True, text=True, timeout=20)
    output = seen.stdout.strip()
    wanted = "refused" if change is None else " ".join(f"{k}={v}" for k, v in (DEFAULT | change).items())
    right = output == wanted
    failed |= not right
    reason = seen.stderr.strip().splitlines()[-1] if seen.stderr.strip() else ""
    print(f"{'' if right else 'CHANGED '}{section:12} {line:36} {output} {reason[:110]}")
sys.exit(failed)
P
echo "as described"
