// How fast CometBFT checks a commit's signatures: `verify_commit CHAIN_ID HEIGHT SECONDS`, by processor time.
//
// Reads from standard input a length (8 hexadecimal digits) and a tendermint.types.ValidatorSet, then the same with a Commit.
// Prints one JSON object: how many signatures a second each way checks.
package main

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/types"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func read() []byte {
	digits := make([]byte, 8)
	_, err := io.ReadFull(os.Stdin, digits)
	must(err)
	length, err := hex.DecodeString(string(digits))
	must(err)
	size := int(length[0])<<24 | int(length[1])<<16 | int(length[2])<<8 | int(length[3])
	message := make([]byte, size)
	_, err = io.ReadFull(os.Stdin, message)
	must(err)
	return message
}

// Seconds that this process has had a processor.
func processorTime() float64 {
	var usage syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

func main() {
	runtime.GOMAXPROCS(1)
	chainID := os.Args[1]
	height, err := strconv.ParseInt(os.Args[2], 10, 64)
	must(err)
	seconds, err := strconv.ParseFloat(os.Args[3], 64)
	must(err)

	var setProto cmtproto.ValidatorSet
	must(setProto.Unmarshal(read()))
	validators, err := types.ValidatorSetFromProto(&setProto)
	must(err)
	var commitProto cmtproto.Commit
	must(commitProto.Unmarshal(read()))
	commit, err := types.CommitFromProto(&commitProto)
	must(err)

	rate := func(signatures int, check func() error) float64 {
		must(check())
		began, rounds := processorTime(), 0
		for processorTime()-began < seconds {
			must(check())
			rounds++
		}
		return float64(rounds*signatures) / (processorTime() - began)
	}
	all := len(commit.Signatures)
	twoThirds := all*2/3 + 1
	must(json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"VerifyCommit": rate(all, func() error {
			return types.VerifyCommit(chainID, validators, commit.BlockID, height, commit)
		}),
		"VerifyCommitLight": rate(twoThirds, func() error {
			return types.VerifyCommitLight(chainID, validators, commit.BlockID, height, commit)
		}),
		"VerifySignature": rate(all, func() error {
			for index, signature := range commit.Signatures {
				message := commit.VoteSignBytes(chainID, int32(index))
				if !validators.Validators[index].PubKey.VerifySignature(message, signature.Signature) {
					panic("a signature is wrong")
				}
			}
			return nil
		}),
	}))
}
