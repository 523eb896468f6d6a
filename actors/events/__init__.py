"""What happens in a node, told as it happens: values, whoever tells them, the hub that keeps the last ones, the history."""
