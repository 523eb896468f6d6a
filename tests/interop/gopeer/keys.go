package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
)

// badSignatureKey signs something, only not what it was asked to.
type badSignatureKey struct{ libPrivKey }

func (k badSignatureKey) Sign(message []byte) ([]byte, error) {
	signature, err := k.libPrivKey.Sign(message)
	if err == nil {
		signature[len(signature)-1] ^= 1
		signature[0] ^= 1
	}
	return signature, err
}

// loadKey makes the node key that the options ask for.
func loadKey(o *options) (libPrivKey, error) {
	var key libPrivKey
	switch {
	case o.KeyFile != "":
		text, err := os.ReadFile(o.KeyFile)
		if err != nil {
			return nil, err
		}
		var file struct {
			PrivKey struct{ Type, Value string } `json:"priv_key"`
		}
		if err := json.Unmarshal(text, &file); err != nil {
			return nil, fmt.Errorf("%s: %w", o.KeyFile, err)
		}
		value, err := base64.StdEncoding.DecodeString(file.PrivKey.Value)
		if err != nil || len(value) != 64 {
			return nil, fmt.Errorf("%s: not a 64-byte key in base64", o.KeyFile)
		}
		key = libEd25519Key(value)
	case o.KeyType == "secp256k1" && o.KeySeed != "":
		key = libSecp256k1FromSeed([]byte(o.KeySeed))
	case o.KeyType == "secp256k1":
		key = libGenSecp256k1()
	case o.KeyType != "ed25519" && o.KeyType != "":
		return nil, fmt.Errorf("key_type %q: want ed25519 or secp256k1", o.KeyType)
	case o.KeySeed != "":
		key = libEd25519FromSeed([]byte(o.KeySeed))
	default:
		key = libGenEd25519()
	}
	if o.BadSignature {
		key = badSignatureKey{key}
	}
	return key, nil
}
