// Command gopeer is a CometBFT peer for tests: the real library's switch, transport, secret connection and
// multiplexed connection behind JSON lines. Commands come on standard input, events go to standard output.
//
//	gopeer run '{"network": "test", "echo": true}'
//	gopeer bench bulk --size 1048576 --secs 3
//	gopeer version
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gopeer:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("want: run '{options}' | bench NAME | version")
	}
	switch args[0] {
	case "version":
		fmt.Println(libVersion)
		return nil
	case "bench":
		return bench(args[1:])
	case "run":
		text := "{}"
		if len(args) > 1 {
			text = args[1]
		}
		o, err := parseOptions(text)
		if err != nil {
			return err
		}
		p, err := newProgram(o, os.Stdout)
		if err != nil {
			return err
		}
		p.serve(os.Stdin)
		p.backend.close()
		return nil
	default:
		return fmt.Errorf("no command %q", args[0])
	}
}
