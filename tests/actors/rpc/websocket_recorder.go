// Records how CometBFT v0.38.26 answers over its WebSocket, for tests/actors/rpc/test_websocket_recorded.json.
// Handler and methods are CometBFT's own (rpc/jsonrpc/server, rpc/core); a node that lets nobody subscribe
// (max_subscription_clients = 0) stands for one that has no events.
//
// Run it in an empty Go module that requires github.com/cometbft/cometbft v0.38.26:
//
//	go mod init recorder && go get github.com/cometbft/cometbft@v0.38.26 && go mod tidy
//	go run . > test_websocket_recorded.json
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/rpc/core"
	rpcserver "github.com/cometbft/cometbft/rpc/jsonrpc/server"
	"github.com/cometbft/cometbft/types"
)

const largest = 1000000

// Handshake is a request to upgrade, sent as it is.
type Handshake struct {
	Name    string            `json:"name"`
	Request string            `json:"request"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// Message is one that the client sent, and what it got. Answer is empty if there was none.
type Message struct {
	Name   string `json:"name"`
	Text   string `json:"text"`
	Binary bool   `json:"binary,omitempty"`
	Fill   int    `json:"fill,omitempty"` // this many blanks before the text; what follows a value does not count as read
	Answer string `json:"answer"`
	Close  int    `json:"close,omitempty"` // with which the server closed
}

func main() {
	settings := config.TestRPCConfig()
	settings.MaxSubscriptionClients = 0
	bus := types.NewEventBus()
	if err := bus.Start(); err != nil {
		panic(err)
	}
	env := &core.Environment{Logger: log.NewNopLogger(), Config: *settings, EventBus: bus}
	all := env.GetRoutes()
	unsafe := core.RoutesMap{}
	env.AddUnsafeRoutes(unsafe)
	routes := core.RoutesMap{
		"health": all["health"], "subscribe": all["subscribe"], "unsubscribe": all["unsubscribe"],
		"unsubscribe_all": all["unsubscribe_all"], "dial_seeds": unsafe["dial_seeds"],
	}
	mux := http.NewServeMux()
	manager := rpcserver.NewWebsocketManager(routes, rpcserver.ReadLimit(largest))
	mux.HandleFunc("/websocket", manager.WebsocketHandler)
	rpcserver.RegisterRPCFuncs(mux, routes, log.NewNopLogger())
	listener, err := rpcserver.Listen("tcp://127.0.0.1:0", 0)
	if err != nil {
		panic(err)
	}
	go func() { _ = rpcserver.Serve(listener, mux, log.NewNopLogger(), rpcserver.DefaultConfig()) }()
	address := listener.Addr().String()

	handshakes := handshakes()
	for i := range handshakes {
		shake(address, &handshakes[i])
	}
	messages := messages()
	for i := range messages {
		tell(address, &messages[i])
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	fmt.Fprint(out, "{\n \"about\": \"What CometBFT answers at /websocket and to what it has there only; recorded by websocket_recorder.go.\",\n"+
		" \"from\": \"CometBFT v0.38.26 (Go module github.com/cometbft/cometbft)\",\n \"handshakes\": [\n")
	for i := range handshakes {
		line(out, handshakes[i], i == len(handshakes)-1)
	}
	fmt.Fprint(out, " ],\n \"messages\": [\n")
	for i := range messages {
		line(out, messages[i], i == len(messages)-1)
	}
	fmt.Fprint(out, " ]\n}\n")
}

func line(out io.Writer, value any, isLast bool) {
	text := new(bytes.Buffer)
	encoder := json.NewEncoder(text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)
	comma := ","
	if isLast {
		comma = ""
	}
	fmt.Fprintf(out, "  %s%s\n", bytes.TrimSpace(text.Bytes()), comma)
}

func handshakes() []Handshake {
	upgrade := "Connection: Upgrade\r\nUpgrade: websocket\r\n"
	version := "Sec-WebSocket-Version: 13\r\n"
	key := "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	get := func(name, target, headers string) Handshake {
		return Handshake{Name: name, Request: "GET " + target + " HTTP/1.1\r\nHost: test\r\n" + headers + "\r\n"}
	}
	as := func(method string, made Handshake) Handshake {
		made.Request = strings.Replace(made.Request, "GET", method, 1)
		return made
	}
	return []Handshake{
		get("upgrade", "/websocket", upgrade+version+key),
		get("tokens in any case, among others", "/websocket", "Connection: keep-alive, UPGRADE\r\nUpgrade: h2c, WebSocket\r\n"+version+key),
		get("protocols and extensions offered", "/websocket", upgrade+version+key+"Sec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"),
		get("of another origin", "/websocket", upgrade+version+key+"Origin: https://example.org\r\n"),
		get("no upgrade", "/websocket", ""),
		get("no Connection header", "/websocket", "Upgrade: websocket\r\n"+version+key),
		get("no Upgrade header", "/websocket", "Connection: Upgrade\r\n"+version+key),
		get("other protocol", "/websocket", "Connection: Upgrade\r\nUpgrade: h2c\r\n"+version+key),
		as("POST", get("POST", "/websocket", upgrade+version+key)),
		as("HEAD", get("HEAD", "/websocket", upgrade+version+key)),
		get("no version", "/websocket", upgrade+key),
		get("other version", "/websocket", upgrade+"Sec-WebSocket-Version: 8\r\n"+key),
		get("no key", "/websocket", upgrade+version),
		get("short key", "/websocket", upgrade+version+"Sec-WebSocket-Key: c2hvcnQ=\r\n"),
		get("key that is no base64", "/websocket", upgrade+version+"Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!!!\r\n"),
		get("upgrade of a method", "/health", upgrade+version+key),
		get("subscribe over HTTP", "/subscribe?query=\"tm.event='NewBlock'\"", ""),
		get("unsubscribe over HTTP", "/unsubscribe", ""),
		get("unsubscribe_all over HTTP", "/unsubscribe_all", ""),
	}
}

func messages() []Message {
	text := func(name, text string) Message { return Message{Name: name, Text: text} }
	return []Message{
		text("health", `{"jsonrpc":"2.0","id":1,"method":"health","params":{}}`),
		{Name: "binary", Binary: true, Text: `{"jsonrpc":"2.0","id":1,"method":"health"}`},
		text("text id", `{"jsonrpc":"2.0","id":"a<b>","method":"health"}`),
		text("params list", `{"jsonrpc":"2.0","id":1,"method":"health","params":[]}`),
		text("unknown method", `{"jsonrpc":"2.0","id":2,"method":"nothing"}`),
		text("notification", `{"jsonrpc":"2.0","method":"health"}`),
		text("null id", `{"jsonrpc":"2.0","id":null,"method":"health"}`),
		text("null", "null"),
		text("batch", `[{"jsonrpc":"2.0","id":1,"method":"health"}]`),
		text("empty batch", "[]"),
		text("nothing", ""),
		text("blanks", "  "),
		text("not JSON", "{"),
		text("number", "1"),
		text("two values", `{"id":1,"method":"health"}{"id":2,"method":"health"}`),
		text("junk behind the value", `{"id":1,"method":"health"} x`),
		text("id object", `{"id":{},"method":"health"}`),
		text("params string", `{"id":1,"method":"health","params":"x"}`),
		text("params too many", `{"id":1,"method":"health","params":[1]}`),
		text("wrong parameter", `{"id":1,"method":"dial_seeds","params":{"seeds":1}}`),
		text("no parameters", `{"id":1,"method":"dial_seeds"}`),
		text("empty parameters", `{"id":1,"method":"dial_seeds","params":{}}`),
		text("subscribe", `{"jsonrpc":"2.0","id":0,"method":"subscribe","params":{"query":"tm.event='NewBlock'"}}`),
		text("subscribe by place", `{"jsonrpc":"2.0","id":"s","method":"subscribe","params":["tm.event='NewBlock'"]}`),
		text("subscribe to what is no query", `{"jsonrpc":"2.0","id":1,"method":"subscribe","params":{"query":"'"}}`),
		text("subscribe to a number", `{"jsonrpc":"2.0","id":1,"method":"subscribe","params":{"query":1}}`),
		text("unsubscribe", `{"jsonrpc":"2.0","id":1,"method":"unsubscribe","params":{"query":"tm.event='NewBlock'"}}`),
		text("unsubscribe_all", `{"jsonrpc":"2.0","id":1,"method":"unsubscribe_all","params":{}}`),
		{Name: "largest", Text: `{"id":1,"method":"health"}`, Fill: largest - 26},
		{Name: "too large", Text: `{"id":1,"method":"health"}`, Fill: largest - 25},
	}
}

// The body of a refusal is read up to its length, for the server keeps the connection.
func shake(address string, h *Handshake) {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		panic(err)
	}
	defer connection.Close()
	_, _ = io.WriteString(connection, strings.ReplaceAll(h.Request, "'", "%27"))
	method, _, _ := strings.Cut(h.Request, " ")
	response, err := http.ReadResponse(bufio.NewReader(connection), &http.Request{Method: method})
	if err != nil {
		panic(fmt.Sprint(h.Name, err))
	}
	h.Status, h.Headers = response.StatusCode, map[string]string{}
	for name := range response.Header {
		if name != "Date" && name != "X-Server-Time" && name != "Content-Length" {
			h.Headers[strings.ToLower(name)] = response.Header.Get(name)
		}
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(response.Body)
		h.Body = string(body)
	}
}

// Behind a message comes another that is answered in any case: what comes before its answer is the message's own.
func tell(address string, m *Message) {
	client, _, err := websocket.DefaultDialer.Dial("ws://"+address+"/websocket", nil)
	if err != nil {
		panic(err)
	}
	defer client.Close()
	_ = client.SetReadDeadline(time.Now().Add(10 * time.Second))
	kind := websocket.TextMessage
	if m.Binary {
		kind = websocket.BinaryMessage
	}
	_ = client.WriteMessage(kind, []byte(strings.Repeat(" ", m.Fill)+m.Text))
	_ = client.WriteMessage(websocket.TextMessage, []byte(`{"id":"last","method":"health"}`))
	for {
		_, answer, err := client.ReadMessage()
		if closed, ok := err.(*websocket.CloseError); ok {
			m.Close = closed.Code
			return
		}
		if err != nil {
			panic(fmt.Sprint(m.Name, err))
		}
		if strings.Contains(string(answer), `"last"`) {
			return
		}
		if m.Answer != "" {
			panic(m.Name + " was answered twice")
		}
		m.Answer = string(answer)
	}
}
