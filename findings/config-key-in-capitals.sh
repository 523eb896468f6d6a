#!/usr/bin/env bash
# A key of config.toml that is there twice, once with a capital letter.
#
# Expected: TOML's keys are case-sensitive, so `seeds` and `Seeds` are two legal keys; a program that ignores case takes
#           the later line or refuses the file, as it refuses `seeds` written twice.
# Seen:     CometBFT v0.38.26 (viper 1.19, keys in any case) takes the line with the capital, first or last in the file.
#           Two spellings that both have capitals are a coin toss at every start: here the node's own ID changes from
#           run to run with nothing changed on disk. `[P2P]` beside `[p2p]` does not add to it but replaces all of it.
# Matters:  a line appended by a script or a template wins or loses by its spelling, not by its place. A tool that reads
#           the file with any TOML library (here Python's) sees two keys and cannot know which one the node took: check
#           for keys that differ only in case before trusting a file.
#
# Needs: go, python3. Takes a minute, longer when Go has nothing cached.
set -euo pipefail

comet=github.com/cometbft/cometbft@v0.38.26
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
unset CMTHOME TMHOME
cd "$work"

echo "building $comet"
export GOFLAGS="-mod=mod -buildvcs=false"
source_dir=$(timeout 120 go mod download -json "$comet" | python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])')
cp -r "$source_dir" source
chmod -R u+w source
(cd source && timeout 240 go build -o "$work/cometbft" ./cmd/cometbft)
echo "cometbft $(./cometbft version), viper $(cd source && go list -m -f '{{.Version}}' github.com/spf13/viper), $(python3 --version)"

for home in first second; do
    timeout 20 ./cometbft init --home $home > init.log
done
cp second/config/node_key.json first/config/other.json
a=$(timeout 20 ./cometbft show-node-id --home first)
b=$(timeout 20 ./cometbft show-node-id --home second)
config=first/config/config.toml
cp $config original.toml
echo "node_key.json belongs to $a, other.json to $b"

# Puts $1 in place of the line that names the node's key.
with_lines() {
    KEY_LINES=$1 python3 - <<'P'
import os, pathlib, tomllib
text = pathlib.Path("original.toml").read_text()
line = next(one for one in text.splitlines() if one.startswith("node_key_file"))
text = text.replace(line, os.environ["KEY_LINES"])
pathlib.Path("first/config/config.toml").write_text(text)
try:
    keys = {key: value for key, value in tomllib.loads(text).items() if key.lower() == "node_key_file"}
    print("  tomllib reads", keys)
except tomllib.TOMLDecodeError as error:
    print("  tomllib refuses:", error)
P
}
ids() { for _ in $(seq "$1"); do timeout 20 ./cometbft show-node-id --home first; done; }
changed() { echo "CHANGED: $1"; exit 1; }

own='node_key_file = "config/node_key.json"'
other='Node_Key_File = "config/other.json"'
echo "1. the capitals last:"
with_lines "$own"$'\n'"$other"
seen=$(ids 10 | sort | uniq -c); echo "$seen"
[ "$(awk '{print $2}' <<< "$seen")" = "$b" ] || changed "the spelling with capitals did not win"

echo "2. the capitals first:"
with_lines "$other"$'\n'"$own"
seen=$(ids 10 | sort | uniq -c); echo "$seen"
[ "$(awk '{print $2}' <<< "$seen")" = "$b" ] || changed "the spelling with capitals did not win"

echo "3. two spellings with capitals, 40 runs:"
with_lines 'NODE_KEY_FILE = "config/node_key.json"'$'\n'"$other"
seen=$(ids 40 | sort | uniq -c); echo "$seen"
[ "$(wc -l <<< "$seen")" = 2 ] || changed "40 runs agreed on one ID"

echo "4. the same spelling twice:"
with_lines "$own"$'\n'"${other,,}"
if message=$(timeout 20 ./cometbft show-node-id --home first 2>&1); then changed "a key written twice is accepted"; fi
echo "  cometbft refuses: $(grep -m 1 -i 'toml' <<< "$message")"

echo "5. a table [P2P] at the end, seed_mode set in [p2p] (the program below loads the file as the node does):"
mkdir -p source/cmd/shows
cat > source/cmd/shows/main.go <<'G'
package main

import (
	"fmt"
	"os"

	"github.com/spf13/viper"

	"github.com/cometbft/cometbft/config"
)

func main() {
	viper.SetConfigFile(os.Args[1])
	if err := viper.ReadInConfig(); err != nil {
		panic(err)
	}
	conf := config.DefaultConfig()
	if err := viper.Unmarshal(conf); err != nil {
		panic(err)
	}
	fmt.Printf("seed_mode=%v max_num_inbound_peers=%d", conf.P2P.SeedMode, conf.P2P.MaxNumInboundPeers)
}
G
(cd source && timeout 240 go build -o "$work/shows" ./cmd/shows)
sed 's/^seed_mode = false/seed_mode = true/' original.toml > one.toml
{ cat one.toml; printf '\n[P2P]\nmax_num_inbound_peers = 7\n'; } > two.toml
shown() { for _ in $(seq 20); do timeout 20 ./shows "$1"; echo; done | sort -u; }
one=$(shown one.toml); two=$(shown two.toml)
echo "  without: $one"
echo "  with:    $two"
[ "$one" = "seed_mode=true max_num_inbound_peers=40" ] || changed "the plain file reads otherwise"
[ "$two" = "seed_mode=false max_num_inbound_peers=7" ] || changed "[P2P] no longer replaces [p2p]"
echo "as described"
