package main

import (
	"bufio"
	"encoding/json"
	"io"
	"sync"
	"time"
)

// fields of an event or a reply.
type fields map[string]any

// events writes one JSON object a line, with the time since the start in seconds.
type events struct {
	mutex sync.Mutex
	out   *bufio.Writer
	start time.Time
}

func newEvents(out io.Writer) *events {
	return &events{out: bufio.NewWriter(out), start: time.Now()}
}

func (e *events) emit(name string, f fields) {
	line := fields{"event": name, "time": time.Since(e.start).Seconds()}
	for k, v := range f {
		line[k] = v
	}
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.out.Write(text)
	e.out.WriteByte('\n')
	e.out.Flush()
}
