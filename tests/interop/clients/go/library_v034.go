//go:build v034

package main

import http "github.com/tendermint/tendermint/rpc/client/http"

func connect(url string) (*http.HTTP, error) { return http.New(url, "/websocket") }
