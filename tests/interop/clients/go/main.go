// Reads a node with CometBFT's own clients, of HTTP and of the WebSocket: `client URL`.
//
// Prints one JSON object for each question: {"method", "error"}, or what was read.
package main

import (
	"context"
	"encoding/json"
	"errors"
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

// What a call over the WebSocket is answered: the result, or the words of the error.
func askSocket(ctx context.Context, method string, params map[string]any) (json.RawMessage, string, error) {
	client, err := connectSocket(os.Args[1])
	if err == nil {
		err = client.Start()
	}
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = client.Stop() }()
	if err := client.Call(ctx, method, params); err != nil {
		return nil, "", err
	}
	select {
	case answer := <-client.ResponsesCh:
		if answer.Error != nil {
			return nil, answer.Error.Data, nil
		}
		return answer.Result, "", nil
	case <-ctx.Done():
		return nil, "", ctx.Err()
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
	ask("websocket net_info", func(ctx context.Context) (map[string]any, error) {
		result, refused, err := askSocket(ctx, "net_info", map[string]any{})
		if err != nil || refused != "" {
			return map[string]any{"error": refused}, err
		}
		var info struct {
			Peers []struct {
				NodeInfo struct {
					ID string `json:"id"`
				} `json:"node_info"`
			} `json:"peers"`
		}
		err = json.Unmarshal(result, &info)
		peers := []string{}
		for _, peer := range info.Peers {
			peers = append(peers, peer.NodeInfo.ID)
		}
		return map[string]any{"peers": peers}, err
	})
	ask("websocket subscribe", func(ctx context.Context) (map[string]any, error) {
		_, refused, err := askSocket(ctx, "subscribe", map[string]any{"query": "tm.event='NewBlock'"})
		if err == nil && refused == "" {
			err = errors.New("was accepted, and no event will ever come")
		}
		return map[string]any{"refused": refused}, err
	})
}
