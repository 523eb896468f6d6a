// Reads a node with CometBFT's own HTTP client: `client URL`.
//
// Prints one JSON object for each question: {"method", "error"}, or what was read.
package main

import (
	"context"
	"encoding/json"
	"os"
	"time"
)

const patience = 10 * time.Second

func ask(method string, question func(context.Context) (map[string]any, error)) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	line, err := question(ctx)
	if err != nil {
		line = map[string]any{"error": err.Error()}
	}
	line["method"] = method
	if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
		os.Exit(1)
	}
}

func main() {
	client, err := connect(os.Args[1])
	if err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	ask("status", func(ctx context.Context) (map[string]any, error) {
		status, err := client.Status(ctx)
		if err != nil {
			return nil, err
		}
		info := status.NodeInfo
		return map[string]any{
			"id": string(info.ID()), "network": info.Network, "version": info.Version,
			"height": status.SyncInfo.LatestBlockHeight,
		}, nil
	})
	ask("health", func(ctx context.Context) (map[string]any, error) {
		_, err := client.Health(ctx)
		return map[string]any{}, err
	})
	ask("net_info", func(ctx context.Context) (map[string]any, error) {
		info, err := client.NetInfo(ctx)
		if err != nil {
			return nil, err
		}
		peers := []string{}
		for _, peer := range info.Peers {
			peers = append(peers, string(peer.NodeInfo.ID()))
		}
		return map[string]any{"peers": peers}, nil
	})
}
