//go:build v1

package main

import (
	http "github.com/cometbft/cometbft/rpc/client/http"
	socket "github.com/cometbft/cometbft/rpc/jsonrpc/client"
)

func connect(url string) (*http.HTTP, error) { return http.New(url) }

func connectSocket(url string) (*socket.WSClient, error) { return socket.NewWS(url, "/websocket") }
