// Package config reads doorkeeper's configuration file: strict YAML, every mistake at once, each with file, line,
// column and what to do about it.
//
// A file becomes a Config in three steps that know nothing of one another: decode.go walks the YAML tree against the
// structs of config.go (unknown keys, types, ${ENV}), complete fills in the defaults that depend on something else
// (paths, the state directory), and check.go holds the finished values against each other and against the files that
// they name. The JSON Schema (schema.go) and docs/config.md (reference.go) are made from the same structs, so a key
// exists in all of them or in none.
//
// It may know no other package of doorkeeper: what only another part can judge (a principal mapping rule, say) is
// judged there and reported through Config.Problem, which knows the line.
package config
