//go:build !v034 && !v1

package main

import http "github.com/cometbft/cometbft/rpc/client/http"

func connect(url string) (*http.HTTP, error) { return http.New(url, "/websocket") }
