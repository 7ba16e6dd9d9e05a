package config

//go:generate go run doorkeeper/cmd/doorkeeper docs config ../docs/config.md
