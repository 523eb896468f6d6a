//go:build v034

package main

import (
	http "github.com/tendermint/tendermint/rpc/client/http"
	socket "github.com/tendermint/tendermint/rpc/jsonrpc/client"
)

func connect(url string) (*http.HTTP, error) { return http.New(url, "/websocket") }

func connectSocket(url string) (*socket.WSClient, error) { return socket.NewWS(url, "/websocket") }
