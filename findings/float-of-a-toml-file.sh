#!/usr/bin/env bash
# Settings read with tomlkit and checked against types with msgspec.convert.
#
# Expected: the values of tomlkit are subclasses of int, float and str, so a dataclass or Struct of such fields takes them
#           all, or none; and what msgspec has made it can encode.
# Seen:     msgspec 0.23.0 takes integers (and makes them plain), strings (and leaves them tomlkit's) and refuses a float,
#           with "Expected `float`, got `Float`". The Struct that comes of a file without floats compares equal to one of
#           plain values, and msgspec refuses to encode it: "Encoding objects of type String is unsupported".
# Matters:  a reader of settings works until the first setting with a decimal point; what it has read works until it is sent
#           or shown as JSON, and tests that build the Struct themselves see neither. Convert `document.unwrap()`.
#
# Needs: python3. Takes a few seconds.
set -euo pipefail

packages="tomlkit==0.15.2 msgspec==0.23.0"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

echo "installing $packages"
python3 -m venv env
# shellcheck disable=SC2086
env/bin/pip install -q --disable-pip-version-check $packages
cat > converts.py <<'P'
import msgspec
import tomlkit


class Settings(msgspec.Struct):
    laddr: str = ""
    peers: int = 0
    timeout: float = 1.0


def said(action):
    try:
        return action()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


document = tomlkit.parse('laddr = "tcp://127.0.0.1:26656"\npeers = 10\n')
settings = msgspec.convert(document, Settings)
print("read:", type(settings.laddr).__module__, type(settings.laddr).__name__, "and", type(settings.peers).__name__)
print("equal to plain values:", settings == Settings("tcp://127.0.0.1:26656", 10))
print("encoded:", said(lambda: msgspec.json.encode(settings)))
document["timeout"] = 1.5
print("with a float:", said(lambda: msgspec.convert(document, Settings)))
plain = msgspec.convert(document.unwrap(), Settings)
print("unwrapped first:", msgspec.json.encode(plain).decode())
P
timeout 60 env/bin/python converts.py | tee seen.txt
cat > wanted.txt <<'T'
read: tomlkit.items String and int
equal to plain values: True
encoded: TypeError: Encoding objects of type String is unsupported
with a float: ValidationError: Expected `float`, got `Float` - at `$.timeout`
unwrapped first: {"laddr":"tcp://127.0.0.1:26656","peers":10,"timeout":1.5}
T
diff wanted.txt seen.txt || { echo "CHANGED"; exit 1; }
echo "as described"
