package parts

import (
	"context"
	"path/filepath"
)

// The dependency plugin is named with its version, so that what is fetched does not change by itself.
const copyDependencies = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"

// Jars returns the folder with Kafka's jars and theirs, fetched by Maven as java/pom.xml says.
func Jars(ctx context.Context) (string, error) {
	pom := filepath.Join(Module(), "java", "pom.xml")
	sum, err := digest("", pom)
	if err != nil {
		return "", err
	}
	return made("kafka-jars", sum, func(dir string) error {
		return run(ctx, dir, "mvn", "-q", "-B", "-f", pom, copyDependencies,
			"-DincludeScope=runtime", "-DoutputDirectory="+dir)
	})
}

// ClassPath returns a Java class path with Kafka's jars and our programs, which it compiles.
func ClassPath(ctx context.Context) (string, error) {
	jars, err := Jars(ctx)
	if err != nil {
		return "", err
	}
	source := filepath.Join(Module(), "java", "src")
	sum, err := digest(jars, source)
	if err != nil {
		return "", err
	}
	classes, err := made("java-classes", sum, func(dir string) error {
		files, err := filepath.Glob(filepath.Join(source, "doorkeeper", "*.java"))
		if err != nil {
			return err
		}
		args := []string{"-proc:none", "-Xlint:none", "-cp", jars + "/*", "-d", dir}
		return run(ctx, dir, "javac", append(args, files...)...)
	})
	return classes + ":" + jars + "/*", err
}
