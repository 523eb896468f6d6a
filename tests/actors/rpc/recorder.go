// Records how CometBFT v0.38.26 answers HTTP requests to its RPC server, for tests/actors/rpc/test_app_recorded.json.
// The server is CometBFT's own (rpc/jsonrpc/server, rpc/core); only the peers and the stores behind it are ours.
//
// Run it in an empty Go module that requires github.com/cometbft/cometbft v0.38.26:
//
//	go mod init recorder && go get github.com/cometbft/cometbft@v0.38.26 && go mod tidy
//	go run . > test_app_recorded.json
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

	dbm "github.com/cometbft/cometbft-db"
	"github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/libs/flowrate"
	"github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/p2p/conn"
	"github.com/cometbft/cometbft/p2p/mock"
	"github.com/cometbft/cometbft/rpc/core"
	rpcserver "github.com/cometbft/cometbft/rpc/jsonrpc/server"
	sm "github.com/cometbft/cometbft/state"
	"github.com/cometbft/cometbft/store"
)

func nodeInfo(id, network, moniker string) p2p.DefaultNodeInfo {
	return p2p.DefaultNodeInfo{
		ProtocolVersion: p2p.NewProtocolVersion(8, 11, 1),
		DefaultNodeID:   p2p.ID(id),
		ListenAddr:      "tcp://127.0.0.1:26656",
		Network:         network,
		Version:         "0.38.26",
		Channels:        []byte{0x00, 0x20, 0xff},
		Moniker:         moniker,
		Other:           p2p.DefaultNodeInfoOther{TxIndex: "on", RPCAddress: "tcp://127.0.0.1:26657"},
	}
}

type peer struct {
	*mock.Peer
	info     p2p.DefaultNodeInfo
	outbound bool
	ip       net.IP
}

func (p peer) NodeInfo() p2p.NodeInfo { return p.info }
func (p peer) ID() p2p.ID             { return p.info.DefaultNodeID }
func (p peer) IsOutbound() bool       { return p.outbound }
func (p peer) RemoteIP() net.IP       { return p.ip }
func (p peer) Status() conn.ConnectionStatus {
	monitor := flowrate.Status{
		Start: time.Date(2026, 11, 21, 3, 27, 16, 0, time.UTC), Bytes: 15, Samples: 2, InstRate: 30, CurRate: 39, AvgRate: 38,
		PeakRate: 40, Duration: 400 * time.Millisecond, Idle: 100 * time.Millisecond, Active: true,
	}
	received := monitor
	received.Start = time.Date(2026, 11, 21, 3, 27, 16, 120_000_000, time.UTC)
	received.Bytes = 9007199254740993
	return conn.ConnectionStatus{
		Duration: 400919665, SendMonitor: monitor, RecvMonitor: received,
		Channels: []conn.ChannelStatus{{ID: 0, SendQueueCapacity: 10, Priority: 1, RecentlySent: 9}, {ID: 255, SendQueueCapacity: 1, SendQueueSize: 1, Priority: 5}},
	}
}

type network struct{ set *p2p.PeerSet }

func (n network) Listeners() []string { return []string{"Listener(@1.2.3.4:26656)"} }
func (n network) IsListening() bool   { return true }
func (n network) NodeInfo() p2p.NodeInfo {
	return nodeInfo(strings.Repeat("ab", 20), "test-chain", "ours")
}
func (n network) Peers() p2p.IPeerSet { return n.set }
func (n network) AddPersistentPeers(addrs []string) error {
	return n.DialPeersAsync(addrs)
}
func (n network) AddUnconditionalPeerIDs([]string) error { return nil }
func (n network) AddPrivatePeerIDs([]string) error       { return nil }
func (n network) DialPeersAsync(addrs []string) error {
	_, errs := p2p.NewNetAddressStrings(addrs)
	for _, err := range errs {
		if _, lookup := err.(p2p.ErrNetAddressLookup); !lookup {
			return err
		}
	}
	return nil
}

type idle struct{}

func (idle) WaitSync() bool { return false }

type Case struct {
	Name        string            `json:"name"`
	Method      string            `json:"method"`
	Target      string            `json:"target"`
	Headers     map[string]string `json:"headers,omitempty"`
	Body        string            `json:"body,omitempty"`
	Deep        int               `json:"deep,omitempty"` // the body's @ stands for a list nested so deep
	Fill        int               `json:"fill,omitempty"` // this many blanks after the body
	Status      int               `json:"status"`
	ContentType string            `json:"content_type"`
	Caching     string            `json:"cache_control,omitempty"`
	Answer      string            `json:"answer"`
}

func main() {
	set := p2p.NewPeerSet()
	_ = set.Add(peer{mock.NewPeer(nil), nodeInfo(strings.Repeat("01", 20), "a<&>\u2028\"\\\n\x7f\x00\xff\xe2\x82z", "<b>&\u00e9"), true, net.ParseIP("10.0.0.1")})
	_ = set.Add(peer{mock.NewPeer(nil), nodeInfo(strings.Repeat("02", 20), "test-chain", "two"), false, net.ParseIP("2001:db8::1")})
	env := &core.Environment{
		StateStore: sm.NewStore(dbm.NewMemDB(), sm.StoreOptions{}), BlockStore: store.NewBlockStore(dbm.NewMemDB()),
		ConsensusReactor: idle{}, P2PPeers: network{set}, P2PTransport: network{set},
		PubKey: ed25519.GenPrivKeyFromSecret([]byte("peerage")).PubKey(), Logger: log.NewNopLogger(),
	}
	all := env.GetRoutes()
	routes := core.RoutesMap{"health": all["health"], "status": all["status"], "net_info": all["net_info"]}
	unsafe := core.RoutesMap{}
	env.AddUnsafeRoutes(unsafe)
	routes["dial_seeds"], routes["dial_peers"] = unsafe["dial_seeds"], unsafe["dial_peers"]
	mux := http.NewServeMux()
	rpcserver.RegisterRPCFuncs(mux, routes, log.NewNopLogger())
	listener, err := rpcserver.Listen("tcp://127.0.0.1:0", 0)
	if err != nil {
		panic(err)
	}
	go func() { _ = rpcserver.Serve(listener, mux, log.NewNopLogger(), rpcserver.DefaultConfig()) }()

	id := strings.Repeat("03", 20)
	get := func(name, target string) Case { return Case{Name: name, Method: "GET", Target: target} }
	post := func(name, body string) Case { return Case{Name: name, Method: "POST", Target: "/", Body: body} }
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	cases := []Case{
		get("health", "/health"), get("status", "/status"), get("net_info", "/net_info"),
		get("unknown parameter", "/health?x=1"), get("unknown path", "/nothing"), get("trailing slash", "/health/"),
		{Name: "put on a method", Method: "PUT", Target: "/health"},
		{Name: "json body on a method's path", Method: "POST", Target: "/health", Body: `{"jsonrpc":"2.0","id":7,"method":"status"}`},
		{Name: "json body on an unknown path", Method: "POST", Target: "/nothing", Body: `{"jsonrpc":"2.0","id":7,"method":"status"}`},
		get("dial_seeds without seeds", "/dial_seeds"), get("dial_seeds empty value", "/dial_seeds?seeds="),
		get("dial_seeds empty list", "/dial_seeds?seeds=[]"), get("dial_seeds null", "/dial_seeds?seeds=null"),
		get("dial_seeds one", `/dial_seeds?seeds=["`+id+`@127.0.0.1:1"]`),
		get("dial_seeds percent", `/dial_seeds?seeds=%5B%22`+id+`@127.0.0.1:1%22,%22`+id+`@127.0.0.1:2%22%5D`),
		get("dial_seeds first value counts", `/dial_seeds?seeds=["`+id+`@127.0.0.1:1"]&seeds=bad`),
		get("dial_seeds quoted string", `/dial_seeds?seeds="`+id+`@127.0.0.1:1"`),
		get("dial_seeds bare string", `/dial_seeds?seeds=`+id+`@127.0.0.1:1`),
		get("dial_seeds hex", `/dial_seeds?seeds=0x4142`), get("dial_seeds number", `/dial_seeds?seeds=1`),
		get("dial_seeds list of numbers", `/dial_seeds?seeds=[1]`), get("dial_seeds list with null", `/dial_seeds?seeds=[null]`),
		get("dial_seeds list with list", `/dial_seeds?seeds=[["a"]]`), get("dial_seeds object", `/dial_seeds?seeds={}`),
		get("dial_seeds no id", `/dial_seeds?seeds=["127.0.0.1:1"]`), get("dial_seeds bad port", `/dial_seeds?seeds=["`+id+`@127.0.0.1:x"]`),
		get("dial_seeds semicolon", `/dial_seeds?seeds=[];x=1`), get("dial_seeds bad escape", `/dial_seeds?seeds=%zz`),
		get("dial_peers without peers", "/dial_peers"), get("dial_peers one", `/dial_peers?peers=["`+id+`@127.0.0.1:1"]`),
		get("dial_peers all flags", `/dial_peers?peers=["`+id+`@127.0.0.1:1"]&persistent=true&unconditional=true&private=true`),
		get("dial_peers flag null", `/dial_peers?peers=["`+id+`@127.0.0.1:1"]&persistent=null`),
		get("dial_peers flag 1", `/dial_peers?peers=["`+id+`@127.0.0.1:1"]&persistent=1`),
		get("dial_peers flag quoted", `/dial_peers?peers=["`+id+`@127.0.0.1:1"]&persistent="true"`),
		get("dial_peers flag True", `/dial_peers?peers=["`+id+`@127.0.0.1:1"]&persistent=True`),
		get("dial_peers flag hex", `/dial_peers?peers=["`+id+`@127.0.0.1:1"]&persistent=0x1`),
		get("dial_peers no id", `/dial_peers?peers=["127.0.0.1:1"]`),
		get("dial_peers two at signs", `/dial_peers?peers=["a@b@127.0.0.1:1"]`),
		{Name: "dial_seeds by form", Method: "POST", Target: "/dial_seeds", Headers: form, Body: `seeds=%5B%22` + id + `@127.0.0.1:1%22%5D`},
		{Name: "dial_seeds by form, query first", Method: "POST", Target: "/dial_seeds?seeds=[]", Headers: form, Body: `seeds=%5B%22` + id + `@127.0.0.1:1%22%5D`},
		{Name: "form in a get", Method: "GET", Target: "/dial_seeds", Headers: form, Body: `seeds=%5B%22` + id + `@127.0.0.1:1%22%5D`},

		post("health", `{"jsonrpc":"2.0","id":1,"method":"health"}`),
		post("net_info", `{"jsonrpc":"2.0","id":"a<b>","method":"net_info","params":{}}`),
		post("status", `{"jsonrpc":"2.0","id":0,"method":"status","params":[]}`),
		{Name: "get with a body", Method: "GET", Target: "/", Body: `{"jsonrpc":"2.0","id":1,"method":"health"}`},
		{Name: "put", Method: "PUT", Target: "/", Body: `{"jsonrpc":"2.0","id":1,"method":"health"}`},
		post("no version", `{"id":1,"method":"health"}`), post("version 1", `{"jsonrpc":"1.0","id":1,"method":"health"}`),
		post("version number", `{"jsonrpc":2,"id":1,"method":"health"}`), post("version null", `{"jsonrpc":null,"id":1,"method":"health"}`),
		post("keys in capitals", `{"JSONRPC":"2.0","ID":1,"Method":"health","PARAMS":null}`),
		post("key twice", `{"id":1,"id":2,"method":"status","method":"health"}`),
		post("more keys", `{"id":1,"method":"health","x":{"y":[]}}`),
		post("empty id", `{"id":"","method":"health"}`), post("id fraction", `{"id":1.9,"method":"health"}`),
		post("id negative fraction", `{"id":-1.9,"method":"health"}`), post("id exponent", `{"id":1e3,"method":"health"}`),
		post("id beyond 53 bits", `{"id":9007199254740993,"method":"health"}`), post("id beyond 63 bits", `{"id":1e30,"method":"health"}`),
		post("id below 63 bits", `{"id":-1e30,"method":"health"}`), post("id out of range", `{"id":1e999,"method":"health"}`),
		post("id object", `{"id":{},"method":"health"}`), post("id list", `{"id":[],"method":"health"}`), post("id true", `{"id":true,"method":"health"}`),
		post("id null", `{"id":null,"method":"health"}`), post("no id", `{"method":"health"}`), post("id unicode", `{"id":"\u00e9\ud83d\ude00","method":"health"}`),
		post("no method", `{"id":1}`), post("method null", `{"id":1,"method":null}`), post("method number", `{"id":1,"method":1}`),
		post("method unknown", `{"id":1,"method":"nothing"}`), post("method empty", `{"id":1,"method":""}`), post("method in capitals", `{"id":1,"method":"Health"}`),
		post("params string", `{"id":1,"method":"health","params":"x"}`), post("params number", `{"id":1,"method":"health","params":1}`),
		post("params false", `{"id":1,"method":"health","params":false}`), post("params null", `{"id":1,"method":"health","params":null}`),
		post("params too many", `{"id":1,"method":"health","params":[1]}`), post("params unknown name", `{"id":1,"method":"health","params":{"x":1}}`),
		post("dial_seeds no params", `{"id":1,"method":"dial_seeds"}`), post("dial_seeds params null", `{"id":1,"method":"dial_seeds","params":null}`),
		post("dial_seeds empty object", `{"id":1,"method":"dial_seeds","params":{}}`), post("dial_seeds empty list", `{"id":1,"method":"dial_seeds","params":[]}`),
		post("dial_seeds by name", `{"id":1,"method":"dial_seeds","params":{"seeds":["`+id+`@127.0.0.1:1"]}}`),
		post("dial_seeds by place", `{"id":1,"method":"dial_seeds","params":[["`+id+`@127.0.0.1:1"]]}`),
		post("dial_seeds name in capitals", `{"id":1,"method":"dial_seeds","params":{"Seeds":["`+id+`@127.0.0.1:1"]}}`),
		post("dial_seeds null", `{"id":1,"method":"dial_seeds","params":{"seeds":null}}`),
		post("dial_seeds string", `{"id":1,"method":"dial_seeds","params":{"seeds":"`+id+`@127.0.0.1:1"}}`),
		post("dial_seeds numbers", `{"id":1,"method":"dial_seeds","params":{"seeds":[1]}}`),
		post("dial_seeds no id", `{"id":1,"method":"dial_seeds","params":{"seeds":["127.0.0.1:1"]}}`),
		post("dial_peers by name", `{"id":1,"method":"dial_peers","params":{"peers":["`+id+`@127.0.0.1:1"],"persistent":true,"private":true}}`),
		post("dial_peers by place", `{"id":1,"method":"dial_peers","params":[["`+id+`@127.0.0.1:1"],true,false,true]}`),
		post("dial_peers too few", `{"id":1,"method":"dial_peers","params":[["`+id+`@127.0.0.1:1"]]}`),
		post("dial_peers flag null", `{"id":1,"method":"dial_peers","params":[["`+id+`@127.0.0.1:1"],null,null,null]}`),
		post("dial_peers flag number", `{"id":1,"method":"dial_peers","params":{"peers":[],"persistent":1}}`),
		post("dial_peers flag string", `{"id":1,"method":"dial_peers","params":{"peers":[],"persistent":"true"}}`),

		post("blanks around", " \n{\"id\":1,\"method\":\"health\"}\t\r\n"), post("blanks only", "  "), post("not json", "{"), post("two values", `{"id":1,"method":"health"}{}`),
		post("NaN", `{"id":NaN,"method":"health"}`), post("infinity", `{"id":1,"method":"health","params":[Infinity]}`), post("comment", `{"id":1,"method":"health"} // x`),
		post("number", "1"), post("string", `"health"`), post("null", "null"), post("true", "true"), post("byte order mark", "\ufeff{\"id\":1,\"method\":\"health\"}"),
		{Name: "deep", Method: "POST", Target: "/", Body: "@", Deep: 20000},
		{Name: "deep params", Method: "POST", Target: "/", Body: `{"id":1,"method":"health","params":@}`, Deep: 20000},
		post("batch", `[{"id":1,"method":"health"},{"id":"b","method":"nothing"},{"id":3,"method":"dial_seeds","params":{"seeds":1}},{"id":4,"method":"dial_seeds","params":{}}]`),
		post("batch of one", `[{"id":1,"method":"health"}]`), post("batch of none", `[]`), post("batch with a notification", `[{"method":"health"},{"id":2,"method":"health"}]`),
		post("batch of notifications", `[{"method":"health"},null]`), post("batch with a number", `[1,{"id":2,"method":"health"}]`),
		post("batch with a bad id", `[{"id":{},"method":"health"},{"id":2,"method":"health"}]`),
		post("batch of ten", `[`+strings.Repeat(`{"id":1,"method":"health"},`, 9)+`{"id":10,"method":"health"}]`),
		post("batch of eleven", `[`+strings.Repeat(`{"id":1,"method":"health"},`, 10)+`{"id":11,"method":"health"}]`),
		post("batch of eleven notifications", `[`+strings.Repeat(`{"method":"health"},`, 10)+`{"method":"health"}]`),
		{Name: "largest body", Method: "POST", Target: "/", Body: `{"id":1,"method":"health"}`, Fill: 1000000 - 26},
		{Name: "body too large", Method: "POST", Target: "/", Body: `{"id":1,"method":"health"}`, Fill: 1000001 - 26},
		{Name: "body too large on a method's path", Method: "POST", Target: "/health", Body: `{}`, Fill: 1000000},
	}
	for i := range cases {
		ask(listener.Addr().String(), &cases[i])
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	fmt.Fprint(out, "{\n \"about\": \"HTTP requests to CometBFT's RPC server and its answers; recorded by test_rpc_recorder.go (the peers are the ones made there).\",\n"+
		" \"from\": \"CometBFT v0.38.26 (Go module github.com/cometbft/cometbft)\",\n \"cases\": [\n")
	for i, c := range cases {
		line := new(bytes.Buffer)
		encoder := json.NewEncoder(line)
		encoder.SetEscapeHTML(false)
		_ = encoder.Encode(c)
		comma := ","
		if i == len(cases)-1 {
			comma = ""
		}
		fmt.Fprintf(out, "  %s%s\n", bytes.TrimSpace(line.Bytes()), comma)
	}
	fmt.Fprint(out, " ]\n}\n")
}

// The request goes out as raw bytes: http.Client would refuse some of the targets.
func ask(address string, c *Case) {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		panic(err)
	}
	defer connection.Close()
	body := c.Body + strings.Repeat(" ", c.Fill)
	if c.Deep > 0 {
		body = strings.Replace(body, "@", strings.Repeat("[", c.Deep)+strings.Repeat("]", c.Deep), 1)
	}
	request := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: %d\r\n", c.Method, strings.ReplaceAll(c.Target, " ", "%20"), len(body))
	for k, v := range c.Headers {
		request += k + ": " + v + "\r\n"
	}
	go func() { _, _ = io.WriteString(connection, request+"\r\n"+body) }()
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		panic(fmt.Sprint(c.Name, err))
	}
	answer, _ := io.ReadAll(response.Body)
	c.Status, c.ContentType, c.Caching, c.Answer = response.StatusCode, response.Header.Get("Content-Type"), response.Header.Get("Cache-Control"), string(answer)
}
