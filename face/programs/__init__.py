"""Programs that come with the package: a demonstration and a benchmark."""
